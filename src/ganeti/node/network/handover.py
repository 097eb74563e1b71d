# SPDX-License-Identifier: BSD-2-Clause
"""Taps that go from one process to another on this node, and stay the devices that they are.

A process that starts while another one has a tap gets a stand-in: QEMU sets the length of headers and the offloads
of a tap when it opens it, which would garble what the guest of the other one sends and gets. When that has released
the tap, the stand-in is deleted and the descriptor opened for it leads to the tap. Meanwhile the tap has no queue and
is made to last, so it keeps its name, its address, its place in a bridge and whatever else was set for it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ganeti.errors import EnvironmentUnfit
from ganeti.model.guest import GuestNic
from ganeti.node.network import tap
from ganeti.node.network.driver import TapOptions
from ganeti.node.network.netlink import with_netlink

if TYPE_CHECKING:
    from pyroute2 import AsyncIPRoute

_PIDFD_GETFD = 438  # pidfd_getfd(2)
_INTERFACE = "iff:"  # of a descriptor of tuntap in fdinfo; without a name once its device was deleted
_libc = ctypes.CDLL(None, use_errno=True)


def stand_in_of(nic: GuestNic) -> str:
    """The name of the stand-in for a card's tap: ``gns-...`` for ``gnt-...``."""
    return f"gns{tap.name_of(nic)[3:]}"


async def hand_over(
    nics: Iterable[GuestNic], old: int, new: int, options: TapOptions, release: Callable[[], Awaitable[None]]
) -> None:
    """Have process ``new`` use the taps of process ``old``, 0 if that has ended; ``release`` makes it release them.

    What is done already is left as it is, so this can be begun again. Raises EnvironmentUnfit for taps that are lost.
    """
    cards = tuple(nics)
    for nic in cards:
        _keep(tap.name_of(nic), old)
    await release()
    await with_netlink(lambda netlink: _delete(netlink, [stand_in_of(nic) for nic in cards]))
    lost = [name for nic in cards if not _attach(name := tap.name_of(nic), new, options)]
    if lost:
        await with_netlink(lambda netlink: _delete(netlink, lost))
        raise EnvironmentUnfit(f"The tap devices {', '.join(lost)} are lost")


def _keep(name: str, pid: int) -> None:
    """Have a tap outlive the process."""
    for number in _of(pid, name)[:1]:
        with _copy(pid, number) as descriptor:
            fcntl.ioctl(descriptor, tap.TUNSETPERSIST, 1)


def _attach(name: str, pid: int, options: TapOptions) -> bool:
    """Have descriptors of a process that lead nowhere lead to a tap, which ends with the process from now on."""
    free = () if _of(pid, name) else _of(pid, "")[: options.queues]
    for number in free:
        with _copy(pid, number) as descriptor:
            tap.open_queue(descriptor, name, options)
    for number in _of(pid, name)[:1]:
        with _copy(pid, number) as descriptor:
            fcntl.ioctl(descriptor, tap.TUNSETPERSIST, 0)
        return True
    return False


def _of(pid: int, name: str) -> list[int]:
    """The descriptors of a process that lead to a tap; with an empty name those that lead to none."""
    return sorted(number for number, interface in _descriptors(pid) if interface == name)


def _descriptors(pid: int) -> Iterator[tuple[int, str]]:
    """(descriptor, name of the device) of a process, 0 for none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for path in Path(f"/proc/{pid}/fdinfo").iterdir() if pid else ():
            with suppress(FileNotFoundError):
                lines = [line for line in path.read_text().splitlines() if line.startswith(_INTERFACE)]
                yield from ((int(path.name), line.removeprefix(_INTERFACE).strip()) for line in lines)


@contextmanager
def _copy(pid: int, number: int) -> Iterator[int]:
    """An open file of another process, in this one. Raises EnvironmentUnfit."""
    try:
        process = os.pidfd_open(pid)
    except OSError as error:
        raise EnvironmentUnfit(f"Process {pid} has ended: {error.strerror}") from None
    try:
        descriptor = _libc.syscall(_PIDFD_GETFD, process, number, 0)
        if descriptor < 0:
            raise EnvironmentUnfit(f"The taps of process {pid} cannot be used: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(process)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _delete(netlink: AsyncIPRoute, names: Iterable[str]) -> None:
    for name in names:
        for index in await netlink.link_lookup(ifname=name):
            await netlink.link("del", index=index)
