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
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pyroute2 import NetlinkError

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


def ensure_possible(nics: Iterable[GuestNic], pid: int) -> None:
    """Raise EnvironmentUnfit unless the taps of a process can be handed over."""
    for name in map(tap.name_of, nics):
        if not (found := _of(pid, name)):
            raise EnvironmentUnfit(f"Process {pid} does not have the tap device {name}")
        with _copy(pid, found[0]):
            pass


async def hand_over(
    cards: Sequence[tuple[GuestNic, Sequence[int]]],
    old: int,
    new: int,
    options: TapOptions,
    release: Callable[[], Awaitable[None]],
) -> None:
    """Have process ``new`` use the taps of process ``old``, 0 if that has ended; ``release`` makes it release them.

    ``cards``: the descriptors of process ``new`` for each. What is done already is left as it is, so this can be begun
    again. Raises EnvironmentUnfit for taps that are lost.
    """
    for name in (tap.name_of(nic) for nic, _ in cards):
        for number in _of(old, name)[:1]:
            with _copy(old, number) as descriptor:
                _last(descriptor, name)
    await release()
    if cards:
        await with_netlink(lambda netlink: _attach_all(netlink, cards, new, options))


def _last(descriptor: int, name: str) -> None:
    """Have a tap outlive its processes."""
    try:
        fcntl.ioctl(descriptor, tap.TUNSETPERSIST, 1)
    except OSError as error:
        raise EnvironmentUnfit(f"The tap device {name} cannot be kept: {error.strerror}") from None


async def _attach_all(
    netlink: AsyncIPRoute, cards: Sequence[tuple[GuestNic, Sequence[int]]], pid: int, options: TapOptions
) -> None:
    lost = []
    for nic, numbers in cards:
        name, place = tap.name_of(nic), stand_in_of(nic)
        own = _of(pid, name)
        # A guest with fewer CPUs than queues leaves some disabled: what comes there would be lost.
        used = _in_use(pid, place) or numbers[:1]
        await _delete(netlink, place)
        for number in () if own else numbers:
            with _copy(pid, number) as descriptor:
                tap.open_queue(descriptor, name, options)
                if number not in used:
                    tap.disable_queue(descriptor, name)
        if not own and not numbers:
            lost.append(name)
            await _delete(netlink, name)
    if lost:
        raise EnvironmentUnfit(f"The tap devices {', '.join(lost)} are lost")


def _in_use(pid: int, place: str) -> list[int]:
    """The queues of a stand-in that are not disabled; they all are enabled then."""
    found = []
    for number in _of(pid, place):
        with _copy(pid, number) as descriptor:
            found += [] if tap.enable_queue(descriptor) else [number]
    return found


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


async def _delete(netlink: AsyncIPRoute, name: str) -> None:
    for index in await netlink.link_lookup(ifname=name):
        with suppress(NetlinkError):  # it has ended with its process meanwhile
            await netlink.link("del", index=index)
