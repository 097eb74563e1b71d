# SPDX-License-Identifier: BSD-2-Clause
"""Everything that a QEMU command line is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganeti.errors import WrongInput
from ganeti.host.paths import Paths
from ganeti.model.guest import Guest
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm.capabilities import Capabilities

Accelerator = Literal["kvm", "tcg"]


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """``control`` is the descriptor of the socket that QEMU takes commands on, ``user`` who it becomes, if not root.

    Files that parameters name are the node's, so they are below its root. ``addresses`` are those
    that ``vnc_bind_address`` and ``spice_bind`` mean on this node, by these names.
    """

    guest: Guest
    parameters: KvmParameters
    qemu: Capabilities
    accelerator: Accelerator
    resources: Resources
    paths: Paths
    control: int = -1
    incoming: bool = False
    user: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)

    def file(self, path: str) -> str:
        """A file that a parameter names, escaped for an option of QEMU."""
        return escaped(str(self.paths.under(path)))

    def files(self) -> Iterator[tuple[str, Path]]:
        """(parameter, file) of all files that must be there before anything starts."""
        wanted = self.parameters
        for name in (
            "kernel_path",
            "initrd_path" if wanted.kernel_path else "",
            "cdrom_image_path",
            "cdrom2_image_path",
            "floppy_image_path",
            "mem_path",
            "vnc_password_file" if wanted.vnc_bind_address else "",
            "vnc_x509_path" if wanted.vnc_bind_address else "",
            "spice_password_file" if wanted.spice_bind else "",
        ):
            if name and (path := getattr(wanted, name)):
                yield name, self.paths.under(path)
        if wanted.spice_bind and wanted.spice_use_tls:
            yield from (("spice_use_tls", path) for path in (self.paths.spice_certificate, self.paths.spice_authority))


def refused(parameter: str, why: str) -> WrongInput:
    return WrongInput(f"Parameter '{parameter}': {why}")


def escaped(value: str) -> str:
    """A value inside of an option; a comma would end it (qemu(1))."""
    return value.replace(",", ",,")


def told(make: Callable[[], object]) -> list[str]:
    """Why something cannot be made, in words; nothing if it can."""
    try:
        make()
    except WrongInput as error:
        return [error.message]
    return []
