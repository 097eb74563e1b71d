# SPDX-License-Identifier: BSD-2-Clause
"""The IPv4 addresses of a network: which are taken, and by what.

Only external reservations are stored: the addresses of instances and nodes are found in their configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, ip_address

from ganeti.model.network import Network
from ganeti.model.spans import address_of, numbers_of
from ganeti.model.state import State


@dataclass(frozen=True)
class Pool:
    """``nodes``: the addresses of nodes and of the cluster; ``instances``: those that instances have in the network."""

    network: Network
    nodes: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()

    @cached_property
    def numbers(self) -> range:
        """All of them."""
        subnet = self.network.subnet
        return range(int(subnet.network_address), int(subnet.broadcast_address) + 1)

    @cached_property
    def external(self) -> frozenset[int]:
        """Not for instances: ``reserved`` ones, the gateway, those of nodes, the first and the last."""
        own = {self.numbers[0], self.numbers[-1]}
        others = self._within([*self.nodes, *([self.network.gateway] if self.network.gateway else [])])
        return numbers_of(self.network.reserved) | own | others

    @cached_property
    def taken(self) -> frozenset[int]:
        return self.external | self._within(self.instances)

    @property
    def reserved_count(self) -> int:
        return len(self.taken)

    @property
    def free_count(self) -> int:
        return len(self.numbers) - len(self.taken)

    @property
    def map(self) -> str:
        """A character for each address: X for one that is taken, a dot for one that is free."""
        taken = self.taken
        return "".join("X" if number in taken else "." for number in self.numbers)

    @property
    def external_reservations(self) -> list[str]:
        return [address_of(number) for number in sorted(self.external)]

    def first_free(self, besides: Collection[str]) -> str | None:
        """The lowest free address that is not in ``besides``; None if all are taken."""
        found = (number for number in self.numbers if number not in self.taken)
        return next((address for number in found if (address := address_of(number)) not in besides), None)

    def keeps(self, address: str) -> bool:
        """Whether instances must not have it."""
        return address == self.network.gateway6 or bool(self._within([address]) & self.external)

    def _within(self, texts: Iterable[str]) -> frozenset[int]:
        found = map(ip_address, texts)
        return frozenset(int(one) for one in found if isinstance(one, IPv4Address) and int(one) in self.numbers)


def pool_of(state: State, network: Network) -> Pool:
    return Pool(
        network=network,
        nodes=addresses_of_nodes(state) if network.holds_nodes else frozenset(),
        instances=frozenset(state.addresses_in(network)),
    )


def addresses_of_nodes(state: State) -> frozenset[str]:
    """The cluster's is among them."""
    nodes = {address for node in state.nodes for address in (node.primary_ip, node.migration_ip)}
    return frozenset(nodes | ({state.cluster.master_ip} if state.cluster.master_ip else set()))
