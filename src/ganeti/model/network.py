# SPDX-License-Identifier: BSD-2-Clause
"""A network that network cards of instances are in: its subnets, and what its addresses are used for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, ClassVar

from msgspec import Struct

from ganeti.declare.setting import setting
from ganeti.declare.types import Gateway6OrNone, GatewayOrNone, MacPrefixOrNone, Subnet6OrNone
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind

MOST_NETWORKS = 1024
# Cached, since they are needed for each address that is looked at.
_subnet, _subnet6 = lru_cache(MOST_NETWORKS)(IPv4Network), lru_cache(MOST_NETWORKS)(IPv6Network)
# Prefix lengths. The smallest network has two addresses besides the network and the broadcast address.
LARGEST, SMALLEST = 16, 30


class Network(Entity, frozen=True, kw_only=True):
    """Node groups say where it is connected. A field with a ``setting`` is a column of lists.

    ``network`` is the IPv4 subnet, whose addresses are a pool. ``reserved``: those of its addresses that are used for
    other things than instances (``ganeti.model.spans``). ``holds_nodes``: whether nodes are in it too, so that their
    addresses and the cluster's are not for instances.
    """

    kind: ClassVar[Kind] = Kind.NETWORK

    network: str
    gateway: Annotated[
        str | None, setting("IPv4 gateway", "--gateway", column="Gateway", given=GatewayOrNone, metavar="ADDRESS")
    ] = None
    network6: Annotated[
        str | None, setting("IPv6 subnet", "--network6", column="IPv6Subnet", given=Subnet6OrNone, metavar="SUBNET")
    ] = None
    gateway6: Annotated[
        str | None, setting("IPv6 gateway", "--gateway6", column="IPv6Gateway", given=Gateway6OrNone, metavar="ADDRESS")
    ] = None
    mac_prefix: Annotated[
        str | None,
        setting(
            "Prefix of generated MAC addresses, instead of the cluster's",
            "-m",
            "--mac-prefix",
            column="MacPrefix",
            given=MacPrefixOrNone,
            metavar="PREFIX",
        ),
    ] = None
    reserved: tuple[str, ...] = ()
    holds_nodes: bool = True

    @property
    def subnet(self) -> IPv4Network:
        return _subnet(self.network)

    @property
    def subnet6(self) -> IPv6Network | None:
        return _subnet6(self.network6) if self.network6 else None

    def contains(self, address: str) -> bool:
        """Of either IP version."""
        found = ip_address(address)
        return found in self.subnet or (self.subnet6 is not None and found in self.subnet6)

    def problems(self) -> list[str]:
        """Which of its settings contradict each other."""
        return [*self._gateway_problems(), *self._gateway6_problems()]

    def _gateway_problems(self) -> Iterator[str]:
        subnet = self.subnet
        if self.gateway and ip_address(self.gateway) not in subnet:
            yield f"Parameter 'gateway': {self.gateway} is not in {self.network}"
        elif self.gateway in (str(subnet.network_address), str(subnet.broadcast_address)):
            yield (
                f"Parameter 'gateway': {self.gateway} is the first or last address of {self.network}, "
                "which no machine can have"
            )

    def _gateway6_problems(self) -> Iterator[str]:
        if self.gateway6 and self.subnet6 is None:
            yield f"Parameter 'gateway6': {self.gateway6} needs an IPv6 subnet to be in; give one with --network6"
        elif self.gateway6 and not self.contains(self.gateway6):
            yield f"Parameter 'gateway6': {self.gateway6} is not in {self.network6}"


class NetworkFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What nodes learn about the network of a NIC."""

    uuid: str
    name: str
    subnet: str
    gateway: str | None = None
    subnet6: str | None = None
    gateway6: str | None = None
    mac_prefix: str | None = None
    tags: tuple[str, ...] = ()

    def variables(self) -> dict[str, str]:
        """The environment of hooks and scripts; names get the prefix ``NETWORK_``."""
        return {
            "NAME": self.name,
            "UUID": self.uuid,
            "SUBNET": self.subnet,
            "GATEWAY": self.gateway or "",
            "SUBNET6": self.subnet6 or "",
            "GATEWAY6": self.gateway6 or "",
            "MAC_PREFIX": self.mac_prefix or "",
            "TAGS": " ".join(self.tags),
        }


def facts_of(network: Network) -> NetworkFacts:
    return NetworkFacts(
        uuid=network.uuid,
        name=network.name,
        subnet=network.network,
        gateway=network.gateway,
        subnet6=network.network6,
        gateway6=network.gateway6,
        mac_prefix=network.mac_prefix,
        tags=tuple(sorted(network.tags)),
    )
