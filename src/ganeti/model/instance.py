# SPDX-License-Identifier: BSD-2-Clause
"""An instance: a virtual machine that the cluster keeps running."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.layout import Layout
from ganeti.model.nic import Nic


class AdminState(StrEnum):
    """What the administrator wants."""

    UP = "up"
    DOWN = "down"
    OFFLINE = "offline"


class Instance(Entity, frozen=True, kw_only=True):
    """``os`` is the OS provider with its variant; the ``*params`` override the cluster's.

    ``restarts``: the times when the watcher started it since the administrator last did; see ``ganeti.model.restarts``.
    ``layout``: where its devices are, once they have been changed while it ran. ``forthcoming``: what it will have is
    reserved, and it is on no node yet ("Instance Reservations" of Ganeti's design documents).
    """

    kind: ClassVar[Kind] = Kind.INSTANCE

    primary_node: str  # UUID
    hypervisor: str
    disk_template: DiskTemplate
    os: str = ""
    admin_state: AdminState = AdminState.DOWN
    admin_state_source: str = "admin"  # or "user": the guest was shut down from inside
    restarts: tuple[float, ...] = ()
    hvparams: dict[str, Any] = {}
    beparams: dict[str, Any] = {}
    osparams: dict[str, str] = {}
    osparams_private: dict[str, str] = {}
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    network_port: int | None = None  # of its graphical console
    layout: Layout | None = None
    forthcoming: bool = False

    @property
    def secondary_nodes(self) -> tuple[str, ...]:
        """UUIDs of the nodes besides the primary that hold its disks."""
        nodes = dict.fromkeys(node for disk in self.disks for node in disk.nodes)
        return tuple(node for node in nodes if node != self.primary_node)

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports that it uses: for its console, and for the replication of its disks."""
        console = () if self.network_port is None else (self.network_port,)
        return (*console, *(disk.mirror.port for disk in self.disks if disk.mirror))

    @property
    def minors(self) -> tuple[tuple[str, int], ...]:
        """The DRBD devices of its disks: (UUID of the node, minor)."""
        mirrored = [(disk.nodes, disk.mirror.minors) for disk in self.disks if disk.mirror]
        return tuple(device for nodes, minors in mirrored for device in zip(nodes, minors, strict=True))

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """The addresses of its network cards in networks of the cluster: (UUID of the network, IP address)."""
        return tuple((nic.network, nic.ip) for nic in self.nics if nic.network and nic.ip)

    @property
    def networks(self) -> frozenset[str]:
        """UUIDs of the networks that its network cards are in."""
        return frozenset(nic.network for nic in self.nics if nic.network)

    @property
    def nodes(self) -> tuple[str, ...]:
        """UUIDs of the primary node and the secondary ones."""
        return (self.primary_node, *self.secondary_nodes)
