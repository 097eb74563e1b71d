# SPDX-License-Identifier: BSD-2-Clause
"""Tap devices, as created by the kernel's tuntap driver (Documentation/networking/tuntap.rst)."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from ganeti.errors import EnvironmentUnfit, WrongState
from ganeti.model.guest import GuestNic
from ganeti.node.network.driver import Tap, TapOptions

if TYPE_CHECKING:
    from pyroute2 import AsyncIPRoute  # names of taps are of use to daemons that have none for netlink

_CLONE = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_TUNSETQUEUE = 0x400454D9
_IFF_ATTACH_QUEUE = 0x0200
_IFF_DETACH_QUEUE = 0x0400
TUNSETPERSIST = 0x400454CB
_IFF_TAP = 0x0002
_IFF_MULTI_QUEUE = 0x0100
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_NAME_SIZE = 16
_NUMBERS = 0xFFFF  # the bits of an address that differ within 169.254.0.0/16


# As Ganeti has it, so that DHCP servers and rules of firewalls know them.
COMMUNICATION_PREFIX = "gnt.com."


def name_of(nic: GuestNic) -> str:
    """``gnt-`` and as much of the NIC's UUID as fits into a device name: the NIC's number may change.

    Of one that leads to the metadata daemon ``gnt.com.`` and a number, that of its address in the network.
    """
    if nic.communicates and nic.ip:
        return f"{COMMUNICATION_PREFIX}{int(ip_address(nic.ip)) & _NUMBERS}"
    return f"gnt-{nic.uuid.replace('-', '')}"[: _NAME_SIZE - 1]


def high_address(mac: str) -> str:
    """The address of the node's end of a card; none of any other device is higher."""
    return f"fe{mac[2:]}"


def create(nic: GuestNic, name: str, options: TapOptions) -> Tap:
    """A new tap, not yet connected. Raises EnvironmentUnfit, or WrongState if it is in use."""
    with ExitStack() as undo:
        descriptors = []
        for _ in range(options.queues):
            descriptors.append(_queue(name, options))
            undo.callback(os.close, descriptors[-1])
        undo.pop_all()
    return Tap(nic, name, tuple(descriptors))


def tune(name: str, settings: Mapping[str, Mapping[str, int]]) -> None:
    """Set what the kernel does at a tap, by ``ipv4`` and ``ipv6`` (Documentation/networking/ip-sysctl.rst).

    Raises EnvironmentUnfit if there is none.
    """
    for version, values in settings.items():
        directory = Path("/proc/sys/net") / version / "conf" / name
        for setting, value in values.items():
            try:
                (directory / setting).write_text(f"{value}\n")
            except FileNotFoundError:
                if version == "ipv4":  # a kernel may do without IPv6
                    raise EnvironmentUnfit(f"There is no tap device {name} on this node") from None


async def bring_up(netlink: AsyncIPRoute, nic: GuestNic, **more: int) -> int:
    """Have the tap of a card up; otherwise as ``prepared``."""
    return await prepared(netlink, nic, state="up", **more)


async def prepared(netlink: AsyncIPRoute, nic: GuestNic, **more: int | str) -> int:
    """The number of the device of a card, with these settings of rtnetlink(7), such as ``mtu``.

    Raises EnvironmentUnfit if there is none.
    """
    name = name_of(nic)
    found = await netlink.link_lookup(ifname=name)
    if not found:
        raise EnvironmentUnfit(f"There is no tap device {name} on this node")
    index: int = found[0]
    # A bridge takes the lowest address of its ports for its own unless it has been given one, and
    # connections through it stall when that changes; none is higher than this.
    await netlink.link("set", index=index, address=high_address(nic.mac), **more)
    return index


def open_queue(descriptor: int, name: str, options: TapOptions) -> None:
    """Have a descriptor that leads nowhere yet lead to a tap, which is made if there is none, and ends with it.

    Raises EnvironmentUnfit, or WrongState if all its queues are in use.
    """
    flags = _IFF_TAP | _IFF_NO_PI
    flags |= _IFF_VNET_HDR if options.headers else 0
    flags |= _IFF_MULTI_QUEUE if options.queues > 1 else 0
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack(f"{_NAME_SIZE}sH22x", name.encode(), flags))
        fcntl.ioctl(descriptor, TUNSETPERSIST, 0)  # it might outlive its processes since a handover that failed
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise WrongState(f"The tap device {name} is in use; does the guest run already?") from None
        raise EnvironmentUnfit(f"The tap device {name} cannot be created: {error.strerror}") from None


def enable_queue(descriptor: int) -> bool:
    """Have packets come from a queue of a tap again; false if it was not disabled."""
    try:
        fcntl.ioctl(descriptor, _TUNSETQUEUE, struct.pack(f"{_NAME_SIZE}sH22x", b"", _IFF_ATTACH_QUEUE))
    except OSError:
        return False
    return True


def disable_queue(descriptor: int, name: str) -> None:
    """Have nothing more come from a queue until its process enables it. Raises EnvironmentUnfit."""
    try:
        fcntl.ioctl(descriptor, _TUNSETQUEUE, struct.pack(f"{_NAME_SIZE}sH22x", b"", _IFF_DETACH_QUEUE))
    except OSError as error:
        raise EnvironmentUnfit(f"A queue of the tap device {name} cannot be disabled: {error.strerror}") from None


def _queue(name: str, options: TapOptions) -> int:
    try:
        descriptor = os.open(_CLONE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentUnfit(f"Tap devices cannot be created on this node: {_CLONE}: {error.strerror}") from None
    try:
        open_queue(descriptor, name, options)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
