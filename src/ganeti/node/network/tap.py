# SPDX-License-Identifier: BSD-2-Clause
"""Tap devices, as created by the kernel's tuntap driver (Documentation/networking/tuntap.rst)."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import ExitStack

from ganeti.errors import EnvironmentUnfit, WrongState
from ganeti.model.guest import GuestNic
from ganeti.node.network.driver import Tap, TapOptions

_CLONE = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_MULTI_QUEUE = 0x0100
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_NAME_SIZE = 16


def name_of(nic: GuestNic) -> str:
    """``gnt-`` and as much of the NIC's UUID as fits into a device name: the NIC's number may change."""
    return f"gnt-{nic.uuid.replace('-', '')}"[: _NAME_SIZE - 1]


def create(nic: GuestNic, name: str, options: TapOptions) -> Tap:
    """A new tap, not yet connected. Raises EnvironmentUnfit, or WrongState if it is in use."""
    flags = _IFF_TAP | _IFF_NO_PI
    flags |= _IFF_VNET_HDR if options.headers else 0
    flags |= _IFF_MULTI_QUEUE if options.queues > 1 else 0
    with ExitStack() as undo:
        descriptors = []
        for _ in range(options.queues):
            descriptors.append(_queue(name, flags))
            undo.callback(os.close, descriptors[-1])
        undo.pop_all()
    return Tap(nic, name, tuple(descriptors))


def _queue(name: str, flags: int) -> int:
    try:
        descriptor = os.open(_CLONE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentUnfit(f"Tap devices cannot be created on this node: {_CLONE}: {error.strerror}") from None
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack(f"{_NAME_SIZE}sH22x", name.encode(), flags))
    except OSError as error:
        os.close(descriptor)
        if error.errno == errno.EBUSY:
            raise WrongState(f"The tap device {name} is in use; does the guest run already?") from None
        raise EnvironmentUnfit(f"The tap device {name} cannot be created: {error.strerror}") from None
    return descriptor
