# SPDX-License-Identifier: BSD-2-Clause
"""Simulated connections of NICs, in place of any NIC mode."""

from __future__ import annotations

import socket
from collections.abc import Collection

from ganeti.errors import EnvironmentUnfit, WrongState
from ganeti.model.guest import GuestNic
from ganeti.node.network import tap
from ganeti.node.network.driver import Tap, TapOptions, ensure_linked
from ganeti.rpc.contract.node import SetUpSwitch
from ganeti.rpc.server import Report


class FakeNetwork:
    """``links``: the existing bridges; None: any.

    The descriptors of a tap are ends of socket pairs: when all holders have closed theirs, this end notices.
    """

    exclusive = False

    def __init__(self, links: Collection[str] | None = None) -> None:
        self.links = links
        self._ends: dict[str, list[socket.socket]] = {}
        self.links_of: dict[str, str] = {}  # by tap

    async def check(self, nic: GuestNic) -> None:
        ensure_linked(nic)
        if self.links is not None and nic.link not in self.links:
            raise EnvironmentUnfit(f"There is no bridge '{nic.link}' on this node")

    def make(self, nic: GuestNic, name: str, options: TapOptions) -> Tap:
        """As ``tap.create``."""
        if name in self.taps():
            raise WrongState(f"The tap device {name} is in use; does the guest run already?")
        queues = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(options.queues)]
        self._ends[name] = [own for own, _ in queues]
        return Tap(nic, name, tuple(other.detach() for _, other in queues))

    async def attach(self, nic: GuestNic) -> None:
        if tap.name_of(nic) not in self.taps():
            raise EnvironmentUnfit(f"There is no tap device {tap.name_of(nic)} on this node")
        self.links_of[tap.name_of(nic)] = nic.link

    async def detach(self, nic: GuestNic) -> None:
        self.links_of.pop(tap.name_of(nic), None)

    def taps(self) -> set[str]:
        """Taps that are still open somewhere."""
        for name, ends in [*self._ends.items()]:
            if all(_let_go(end) for end in ends):
                for end in self._ends.pop(name):
                    end.close()
        return set(self._ends)


class FakeSwitches:
    """``found``: by name, what connects each to what is outside."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.devices = {"eth1"}

    async def set_up(self, call: SetUpSwitch, report: Report) -> None:
        del report
        if call.link and call.link not in self.devices:
            raise EnvironmentUnfit(f"Parameter 'ovs_link': there is no network device '{call.link}' on this node")
        self.found[call.name] = call.link


def _let_go(end: socket.socket) -> bool:
    try:
        return not end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
