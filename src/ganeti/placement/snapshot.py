# SPDX-License-Identifier: BSD-2-Clause
"""A cluster as placement sees it: frozen values, memory and disk in MiB.

Nodes and groups are referred to by their index in the snapshot, so that columns of numbers can be made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property

import msgspec
from msgspec import Struct

from ganeti.model.parameters.policy import Policy

NO_NODE = -1  # the secondary of an instance without one


class AllocPolicy(StrEnum):
    """Whether new instances may go to a group: preferably, as a last resort, never."""

    PREFERRED = "preferred"
    LAST_RESORT = "last_resort"
    UNALLOCABLE = "unallocable"


class Status(StrEnum):
    """Of an instance, as shown by ``gnt-instance list -o status``."""

    RUNNING = "running"
    ADMIN_DOWN = "ADMIN_down"
    ADMIN_OFFLINE = "ADMIN_offline"
    ERROR_DOWN = "ERROR_down"
    ERROR_NODE_DOWN = "ERROR_nodedown"
    ERROR_NODE_OFFLINE = "ERROR_nodeoffline"
    ERROR_UP = "ERROR_up"
    ERROR_WRONG_NODE = "ERROR_wrongnode"
    USER_DOWN = "USER_down"

    @property
    def running(self) -> bool:
        return self in (Status.RUNNING, Status.ERROR_UP)

    @property
    def holds_memory(self) -> bool:
        """Whether it uses memory of its node; assumed if that is unknown."""
        return self not in (Status.ADMIN_DOWN, Status.ADMIN_OFFLINE, Status.ERROR_DOWN, Status.USER_DOWN)

    @property
    def may_start(self) -> bool:
        """Whether resources have to be kept for it: for all except those set offline."""
        return self is not Status.ADMIN_OFFLINE


class Template(StrEnum):
    """An instance's disk template, which determines where it can go."""

    BLOCKDEV = "blockdev"
    DISKLESS = "diskless"
    DRBD = "drbd"
    EXT = "ext"
    FILE = "file"
    GLUSTER = "gluster"
    PLAIN = "plain"
    RBD = "rbd"
    SHAREDFILE = "sharedfile"

    @property
    def in_volume_group(self) -> bool:
        return self in IN_VOLUME_GROUPS

    @property
    def moves_anywhere(self) -> bool:
        """Whether every node of the group has access to the disks."""
        return self not in (Template.DRBD, Template.PLAIN, Template.FILE, Template.DISKLESS)


# The templates counted in the text format of htools(1), where nodes have the space of their volume groups.
IN_VOLUME_GROUPS = frozenset((Template.DRBD, Template.PLAIN))


class Load(Struct, frozen=True, kw_only=True):
    """Dynamic load of an instance, in units of the user's choice (hbal(1), ``-U``); measured load, in processors."""

    cpu: float = 1.0
    memory: float = 1.0
    disk: float = 1.0
    network: float = 1.0


class Group(Struct, frozen=True, kw_only=True):
    name: str
    uuid: str
    alloc_policy: AllocPolicy = AllocPolicy.PREFERRED
    policy: Policy = Policy()
    tags: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class Node(Struct, frozen=True, kw_only=True):
    """``free_memory`` is what the node reports; what is really free also depends on the instances.

    With exclusive storage ``spindles`` are physical ones, of which ``free_spindles`` are unused.
    ``node_memory`` and ``node_cpus`` are what the node's own system uses.
    """

    name: str
    group: int
    total_memory: int = 0
    node_memory: int = 0
    free_memory: int = 0
    total_disk: int = 0
    free_disk: int = 0
    cpus: int = 0
    node_cpus: int = 1
    cpu_speed: float = 1.0
    spindles: int = 1
    free_spindles: int = 0
    exclusive_storage: bool = False
    offline: bool = False  # or drained: nothing may be placed here
    master: bool = False
    tags: tuple[str, ...] = ()
    other_load: float = 0.0  # of its processors, measured but not caused by its instances


class Instance(Struct, frozen=True, kw_only=True):
    """``disk`` is the sum of its ``disks``, if those are known individually.

    ``takes_disk``: whether they use space of the storage that is counted for nodes (``Snapshot.counted``).
    ``spindles`` are physical ones (exclusive storage), ``spindle_use`` its weight on those that are shared.
    A ``forthcoming`` instance reserves its place but does not exist yet.
    """

    name: str
    memory: int
    disk: int
    vcpus: int
    primary: int
    secondary: int = NO_NODE
    template: Template = Template.DRBD
    status: Status = Status.RUNNING
    auto_balance: bool = True
    tags: tuple[str, ...] = ()
    spindle_use: int = 1
    spindles: int | None = None
    forthcoming: bool = False
    load: Load = Load()
    disks: tuple[int, ...] = ()
    nics: int = 1
    networks: tuple[str, ...] = ()  # UUIDs of the networks of its NICs
    hypervisor: str = ""
    counted: bool | None = None  # None: as in the text format

    @property
    def takes_disk(self) -> bool:
        return self.template.in_volume_group if self.counted is None else self.counted

    def at(self, primary: int, secondary: int) -> Instance:
        """The same instance on other nodes."""
        return msgspec.structs.replace(self, primary=primary, secondary=secondary)

    @property
    def nodes(self) -> tuple[int, ...]:
        return (self.primary,) if self.secondary == NO_NODE else (self.primary, self.secondary)


class Snapshot(Struct, frozen=True, kw_only=True, dict=True):
    """A whole cluster. ``tags`` are the cluster's.

    A node has one value for disk space: that of the storage of the templates ``counted``.
    """

    groups: tuple[Group, ...]
    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...]
    tags: tuple[str, ...] = ()
    policy: Policy = Policy()
    counted: frozenset[Template] = IN_VOLUME_GROUPS

    def counting(self, templates: frozenset[Template]) -> Snapshot:
        """With the nodes' disk space being that of these templates' storage."""
        if templates == self.counted:
            return self
        counting = msgspec.structs.replace(self, counted=templates)
        return counting.with_instances(map(counting.seen, self.instances))

    def seen(self, instance: Instance) -> Instance:
        """An instance from outside, counted like those in the snapshot."""
        return msgspec.structs.replace(instance, counted=instance.template in self.counted)

    @cached_property
    def node_index(self) -> dict[str, int]:
        return {node.name: index for index, node in enumerate(self.nodes)}

    @cached_property
    def instance_index(self) -> dict[str, int]:
        return {instance.name: index for index, instance in enumerate(self.instances)}

    @property
    def populated_groups(self) -> list[int]:
        """Groups with nodes."""
        return sorted({node.group for node in self.nodes})

    def group_of(self, node: int) -> Group:
        return self.groups[self.nodes[node].group]

    def with_instances(self, instances: Iterable[Instance]) -> Snapshot:
        return msgspec.structs.replace(self, instances=tuple(instances))

    def with_nodes(self, nodes: Iterable[Node]) -> Snapshot:
        return msgspec.structs.replace(self, nodes=tuple(nodes))

    def with_places(self, places: dict[str, tuple[int, int]]) -> Snapshot:
        """With instances, by name, on other primary and secondary nodes."""
        return self.with_instances(
            msgspec.structs.replace(i, primary=places[i.name][0], secondary=places[i.name][1])
            if i.name in places
            else i
            for i in self.instances
        )

    def only_group(self, group: int, *, split: bool = False) -> Snapshot:
        """The nodes of a group and the instances that have all of their nodes there.

        ``split``: also those with only their primary there, without their secondary.
        """
        kept = [index for index, node in enumerate(self.nodes) if node.group == group]
        place = {old: new for new, old in enumerate(kept)} | {NO_NODE: NO_NODE}
        return msgspec.structs.replace(
            self,
            groups=(self.groups[group],),
            nodes=tuple(msgspec.structs.replace(self.nodes[index], group=0) for index in kept),
            instances=tuple(
                msgspec.structs.replace(i, primary=place[i.primary], secondary=place.get(i.secondary, NO_NODE))
                for i in self.instances
                if i.primary in place and (split or i.secondary in place)
            ),
        )

    def split_instances(self) -> tuple[Instance, ...]:
        """Instances with nodes in different groups."""
        return tuple(i for i in self.instances if len({self.nodes[node].group for node in i.nodes}) > 1)
