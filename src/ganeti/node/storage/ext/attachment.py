# SPDX-License-Identifier: BSD-2-Clause
"""Where a volume is on this node, from the output of its provider's ``attach`` script.

Its first line is a block device, and may be empty. Each of the others is ``HYPERVISOR:URI``: how a hypervisor can
access the volume without a device (ganeti-extstorage-interface(7), access ``userspace``).
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from msgspec import Struct

from ganeti.declare.text import shortened
from ganeti.node.storage.address import size_of_address

_MIB = 1024**2
_HINT = "; the provider may know access 'userspace' alone (access=userspace)"
_HYPERVISORS = ("kvm", "xen-hvm", "xen-pvm", "lxc", "chroot", "fake")


class Attachment(Struct, frozen=True):
    """``device`` is empty if there is none; ``uris`` by hypervisor."""

    device: str = ""
    uris: dict[str, str] = {}

    @property
    def known(self) -> bool:
        return bool(self.device or self.uris)

    @property
    def uri(self) -> str:
        """QEMU's."""
        return self.uris.get("kvm", "")

    async def size(self) -> int:
        """In MiB. Raises ExecutionFailed if it cannot be found out."""
        if self.device:
            return await asyncio.to_thread(_size_of_device, self.device)
        return await size_of_address(self.uri) // _MIB


def read(output: str, *, userspace: bool) -> Attachment:
    """Raises ValueError for an invalid answer, with a text to follow "the script has"."""
    device, *rest = output.splitlines() or [""]
    device = device.strip()
    uris = {}
    for line in filter(None, map(str.strip, rest)):
        hypervisor, colon, uri = line.partition(":")
        if not colon or hypervisor not in _HYPERVISORS:
            raise ValueError(f"printed '{shortened(line)}' where a line HYPERVISOR:URI is expected")
        uris[hypervisor] = uri
    if device and not _is_block_device(device):
        raise ValueError(f"printed '{shortened(device)}', which is not the path of a block device")
    if userspace and "kvm" not in uris:
        raise ValueError("printed no line kvm:URI, which access 'userspace' needs; use access=kernelspace")
    if not userspace and not device:
        raise ValueError("printed no block device in its first line" + (_HINT if uris else ""))
    return Attachment(device, uris)


def _is_block_device(path: str) -> bool:
    try:
        return path.startswith("/") and stat.S_ISBLK(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _size_of_device(path: str) -> int:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.lseek(descriptor, 0, os.SEEK_END) // _MIB
    finally:
        os.close(descriptor)
