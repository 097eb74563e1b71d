# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-network list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ganeti.declare.field import NUMBER, OTHER, TEXT
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.pool import Pool, pool_of
from ganeti.query.column import Column, Columns, column
from ganeti.query.entity import common_columns, setting_columns
from ganeti.query.view import View


@dataclass(frozen=True)
class NetworkRow:
    """A network in a view of the cluster, with the names of the instances in it."""

    network: Network
    view: View
    instances: Sequence[str]

    @cached_property
    def pool(self) -> Pool:
        return pool_of(self.view.state, self.network)

    @property
    def groups(self) -> list[list[str]]:
        """The node groups that it is connected to: name, mode, link, VLAN tags."""
        return [
            [group.name, *(group.networks[self.network.uuid].get(key, "") for key in ("mode", "link", "vlan"))]
            for group in self.view.state.groups_with(self.network)
        ]


def rows(view: View, networks: Sequence[Network]) -> list[NetworkRow]:
    users: dict[str, list[str]] = defaultdict(list)
    for instance in view.state.instances:
        for uuid in instance.networks:
            users[uuid].append(instance.name)
    return [NetworkRow(network, view, users[network.uuid]) for network in networks]


_COLUMNS: list[Column[NetworkRow]] = [
    *common_columns(Kind.NETWORK, lambda row: row.network),
    column("network", "Subnet", TEXT, "IPv4 subnet", lambda row: row.network.network),
    *setting_columns(Network, lambda row: row.network, {}),
    column("free_count", "FreeCount", NUMBER, "Number of free addresses", lambda row: row.pool.free_count),
    column("reserved_count", "ReservedCount", NUMBER, "Number of taken addresses", lambda row: row.pool.reserved_count),
    column("map", "Map", TEXT, "Which addresses are taken (X) and free (.)", lambda row: row.pool.map),
    column(
        "external_reservations",
        "ExternalReservations",
        TEXT,
        "Addresses that are not for instances",
        lambda row: ", ".join(row.pool.external_reservations),
    ),
    column("group_cnt", "NodeGroups", NUMBER, "Number of node groups", lambda row: len(row.groups)),
    column(
        "group_list",
        "GroupList",
        OTHER,
        "Node groups that it is connected to, each with mode, link and VLAN",
        lambda row: row.groups,
    ),
    column("inst_cnt", "Instances", NUMBER, "Number of instances", lambda row: len(row.instances)),
    column("inst_list", "InstanceList", OTHER, "Instances", lambda row: list(row.instances), names=Kind.INSTANCE),
]

NETWORKS: Columns[NetworkRow] = Columns(_COLUMNS)
DEFAULT = ("name", "network", "gateway", "mac_prefix", "group_list", "tags")
