# SPDX-License-Identifier: BSD-2-Clause
"""The configuration of the whole cluster as one immutable value.

A change makes a new ``State`` that shares everything unchanged with the old one, so its cost depends
on the size of the change, not of the cluster. Readers keep the value they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from immutables import Map

from ganeti.declare.problems import Problems
from ganeti.errors import NotUnique, UnknownEntity, WrongInput
from ganeti.model.cluster import Cluster
from ganeti.model.entity import Entity
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.job_filter import JobFilter
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.node import Node, NodeRole
from ganeti.model.parameters import filled
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Policy
from ganeti.model.template import StorageUnit, storage_units

E = TypeVar("E", bound=Entity)

CLASSES: dict[Kind, type[Entity]] = {cls.kind: cls for cls in (Cluster, Network, Group, Node, Instance, JobFilter)}
_DIGITS = re.compile(r"(\d+)")
_MACHINES = frozenset({Kind.NODE, Kind.INSTANCE})  # the kinds whose names are DNS names
_MOST_KEYS = 16_384  # names whose sort keys are kept


@dataclass(frozen=True, slots=True)
class State:
    """``entities`` by kind and UUID; the other maps are indexes over them."""

    entities: Map[Kind, Map[str, Entity]] = field(default_factory=lambda: Map({kind: Map() for kind in Kind}))
    names: Map[tuple[Kind, str], str] = field(default_factory=Map)  # (kind, name) → UUID
    macs: Map[str, str] = field(default_factory=Map)  # MAC → UUID of the instance
    addresses: Map[str, Map[str, str]] = field(default_factory=Map)  # network UUID → IP address → UUID of the instance
    ports: Map[int, str] = field(default_factory=Map)  # TCP port → UUID of the instance
    minors: Map[tuple[str, int], str] = field(default_factory=Map)  # (node UUID, DRBD minor) → UUID of the instance
    on_node: Map[str, Map[str, None]] = field(default_factory=Map)  # node UUID → UUIDs of instances
    # The last sorted lists, by kind, with the objects they were made of; shared with states derived from this one.
    _sorted: dict[Kind, tuple[Map[str, Entity], list[Any]]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def cluster(self) -> Cluster:
        found = next(iter(self.entities[Kind.CLUSTER].values()))
        assert isinstance(found, Cluster)  # noqa: S101 - kept so by CLASSES
        return found

    @property
    def nodes(self) -> list[Node]:
        """Sorted by name, as every list shows them."""
        return self.all_of(Node)

    @property
    def online_nodes(self) -> list[Node]:
        """The nodes that are expected to answer."""
        return [node for node in self.nodes if not node.offline]

    @property
    def hosting_nodes(self) -> list[Node]:
        """The nodes that can be asked about guests, disks and OS providers."""
        return [node for node in self.nodes if node.hosting]

    @property
    def groups(self) -> list[Group]:
        return self.all_of(Group)

    @property
    def networks(self) -> list[Network]:
        return self.all_of(Network)

    @property
    def instances(self) -> list[Instance]:
        return self.all_of(Instance)

    @property
    def master(self) -> Node:
        return self.get(Node, self.cluster.master_node)

    @property
    def candidates(self) -> list[Node]:
        """The nodes that keep a replica of the state, the master among them."""
        return [node for node in self.nodes if node.master_candidate]

    def get(self, cls: type[E], uuid: str) -> E:
        """By UUID. Raises UnknownEntity."""
        found = self.entities[cls.kind].get(uuid)
        if not isinstance(found, cls):
            raise UnknownEntity(f"There is no {cls.kind.noun} with UUID {uuid}")
        return found

    def has(self, entity: Entity) -> bool:
        return entity.uuid in self.entities[entity.kind]

    def find(self, cls: type[E], name: str) -> E:
        """By name, or by UUID; a machine also by the leading labels of its name, case-insensitively.

        Raises UnknownEntity if there is none, WrongInput if several fit.
        """
        lower, machine = name.lower(), cls.kind in _MACHINES
        uuid = self.names.get((cls.kind, name)) or (self.names.get((cls.kind, lower)) if machine else None)
        if uuid is None and lower in self.entities[cls.kind]:
            uuid = lower
        if uuid is not None:
            return self.get(cls, uuid)
        fitting = [e for e in self._all(cls) if f"{e.name.lower()}.".startswith(f"{lower}.")] if machine else []
        if len(fitting) == 1:
            return fitting[0]
        noun = cls.kind.noun
        if fitting:
            raise WrongInput(f"'{name}' fits several {noun}s: {', '.join(sorted(e.name for e in fitting))}")
        raise UnknownEntity(f"{noun.capitalize()} '{name}' not known")

    def find_several(self, cls: type[E], names: Iterable[str]) -> list[E]:
        """Each once, in the order of the names; see ``find``. Raises one error that names all that are not found."""
        problems, found = Problems(), {}
        for name in names:
            with problems.noted():
                entity = self.find(cls, name)
                found[entity.uuid] = entity
        problems.tell()
        return list(found.values())

    def instances_on(self, node_uuid: str) -> list[Instance]:
        """The instances whose primary or secondary node it is."""
        return [self.get(Instance, uuid) for uuid in self.on_node.get(node_uuid, Map())]

    def addresses_in(self, network: Network) -> Mapping[str, str]:
        """The IP addresses that instances have in a network, with the UUIDs of those."""
        return self.addresses.get(network.uuid, Map())

    def groups_with(self, network: Network) -> list[Group]:
        """The node groups that a network is connected to."""
        return [group for group in self.groups if network.uuid in group.networks]

    def role(self, node: Node) -> NodeRole:
        if node.uuid == self.cluster.master_node:
            return NodeRole.MASTER
        if node.offline:
            return NodeRole.OFFLINE
        if node.drained:
            return NodeRole.DRAINED
        return NodeRole.CANDIDATE if node.master_candidate else NodeRole.REGULAR

    def node_parameters(self, node: Node) -> NodeParameters:
        """The cluster's, with what the node's group overrides, and then the node."""
        group = self.get(Group, node.group)
        return filled(NodeParameters, self.cluster.ndparams, group.ndparams, node.ndparams, what="Node parameters")

    def is_exclusive(self, group: Group) -> bool:
        """Whether disks on its nodes have physical volumes of their own; single nodes cannot override that."""
        what = "Node parameters"
        return filled(NodeParameters, self.cluster.ndparams, group.ndparams, what=what).exclusive_storage

    def storage_of(self, node: Node) -> tuple[StorageUnit, ...]:
        """Where the enabled templates create new disks on a node."""
        return storage_units(self.cluster, self.get(Group, node.group))

    def policy_of(self, group: Group) -> Policy:
        """The cluster's instance policy with what the group overrides."""
        return filled(Policy, msgspec.to_builtins(self.cluster.ipolicy), group.ipolicy, what="Instance policy")

    def changed(self, puts: Iterable[Entity], deletes: Iterable[Entity] = ()) -> State:
        """The state after a transaction.

        Raises NotUnique if two would share a name, MAC, address of a network, port or DRBD minor.
        """
        state = self
        for entity in deletes:
            state = state._without(entity)
        for entity in puts:
            old = state.entities[entity.kind].get(entity.uuid)
            state = (state._without(old) if old else state)._with(entity)
        return state

    def _with(self, entity: Entity) -> State:
        key = (entity.kind, entity.name)
        if key in self.names:
            raise NotUnique(f"There is a {entity.kind.noun} named '{entity.name}' already")
        state = replace(
            self,
            entities=self.entities.set(entity.kind, self.entities[entity.kind].set(entity.uuid, entity)),
            names=self.names.set(key, entity.uuid),
        )
        return state._with_instance(entity) if isinstance(entity, Instance) else state

    def _without(self, entity: Entity) -> State:
        old = self.entities[entity.kind][entity.uuid]
        state = replace(
            self,
            entities=self.entities.set(old.kind, self.entities[old.kind].delete(old.uuid)),
            names=self.names.delete((old.kind, old.name)),
        )
        return state._without_instance(old) if isinstance(old, Instance) else state

    def _with_instance(self, instance: Instance) -> State:
        macs, ports, minors, on_node = self.macs, self.ports, self.minors, self.on_node
        addresses = self.addresses
        for port in instance.ports:
            if port in ports:
                raise NotUnique(f"TCP port {port} is in use by another instance or disk")
            ports = ports.set(port, instance.uuid)
        for device in instance.minors:
            if device in minors:
                raise NotUnique(f"DRBD minor {device[1]} is in use by another disk on its node")
            minors = minors.set(device, instance.uuid)
        for nic in instance.nics:
            if nic.mac in macs:
                raise NotUnique(f"MAC address {nic.mac} is in use by another instance")
            macs = macs.set(nic.mac, instance.uuid)
        for network, address in instance.addresses:
            used = addresses.get(network, Map())
            if address in used:
                raise NotUnique(f"IP address {address} is in use by another instance of the same network")
            addresses = addresses.set(network, used.set(address, instance.uuid))
        for node in instance.nodes:
            on_node = on_node.set(node, on_node.get(node, Map()).set(instance.uuid, None))
        return replace(self, macs=macs, addresses=addresses, ports=ports, minors=minors, on_node=on_node)

    def _without_instance(self, instance: Instance) -> State:
        macs, ports, minors, on_node = self.macs, self.ports, self.minors, self.on_node
        addresses = self.addresses
        for port in instance.ports:
            ports = ports.delete(port)
        for device in instance.minors:
            minors = minors.delete(device)
        for nic in instance.nics:
            macs = macs.delete(nic.mac)
        for network, address in instance.addresses:
            kept = addresses[network].delete(address)
            addresses = addresses.set(network, kept) if kept else addresses.delete(network)
        for node in instance.nodes:
            left = on_node[node].delete(instance.uuid)
            on_node = on_node.set(node, left) if left else on_node.delete(node)
        return replace(self, macs=macs, addresses=addresses, ports=ports, minors=minors, on_node=on_node)

    def _all(self, cls: type[E]) -> Iterator[E]:
        return (entity for entity in self.entities[cls.kind].values() if isinstance(entity, cls))

    def all_of(self, cls: type[E]) -> list[E]:
        """Sorted by name."""
        entities = self.entities[cls.kind]
        of, found = self._sorted.get(cls.kind, (None, []))
        if of is not entities:
            found = sorted(self._all(cls), key=lambda entity: natural(entity.name))
            self._sorted[cls.kind] = (entities, found)
        return list(found)


@lru_cache(_MOST_KEYS)
def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key that puts ``node10`` behind ``node9``."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in _DIGITS.split(name) if part)
