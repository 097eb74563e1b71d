# SPDX-License-Identifier: BSD-2-Clause
"""The interface of a way to connect NICs."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ganeti.errors import EnvironmentUnfit
from ganeti.model.guest import GuestNic
from ganeti.rpc.contract.node import SetUpSwitch
from ganeti.rpc.server import Report


@dataclass(frozen=True, slots=True)
class TapOptions:
    """What a hypervisor needs from a tap; ``headers``: with virtio headers, so that checksums are offloaded."""

    queues: int = 1
    headers: bool = True


@dataclass(frozen=True, slots=True)
class Tap:
    """The node's end of a guest's network card: a file descriptor for each queue.

    The device exists as long as a descriptor of it is open, so it disappears when its hypervisor ends for
    any reason, and none is ever left behind.
    """

    nic: GuestNic
    name: str
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Close it in this process; a hypervisor that has inherited the descriptors keeps it."""
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.close(descriptor)


def ensure_linked(nic: GuestNic) -> None:
    """Raise EnvironmentUnfit for a NIC whose network is not connected to the node group."""
    if not nic.link:
        whose = f"Network {nic.network.name}" if nic.network else "A network card without a link"
        raise EnvironmentUnfit(f"{whose} is connected to no bridge or switch in this node group")


class Switches(Protocol):
    """The Open vSwitch of this node, as far as nodes are set up with it."""

    async def set_up(self, call: SetUpSwitch, report: Report) -> None:
        """See that it is there.

        Raises EnvironmentUnfit for a network device that is not there, or that has addresses: the node would lose them.
        """
        ...


class Network(Protocol):
    """One NIC mode on this node.

    ``exclusive``: only one node may have a card connected, so the one that a guest is migrated to waits until it runs
    there.
    """

    @property
    def exclusive(self) -> bool: ...

    async def check(self, nic: GuestNic) -> None:
        """Raises WrongInput or EnvironmentUnfit if such a NIC cannot be connected here."""
        ...

    async def attach(self, nic: GuestNic) -> None:
        """Connect the tap of a NIC that has passed ``check``; it may be connected in another way.

        Raises EnvironmentUnfit; then its connection is unchanged.
        """
        ...

    async def detach(self, nic: GuestNic) -> None:
        """Take away what is left of a card's connection, once nobody has its tap any more; there may be nothing."""
        ...
