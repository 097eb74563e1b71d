# SPDX-License-Identifier: BSD-2-Clause
"""The answers of ganeti-confd, from a state. They contain no secrets: anyone on the network can read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from ganeti.config.following import Followed
from ganeti.config.ganeti_form import (
    VERSION,
    cluster_form,
    disk_form,
    group_form,
    instance_form,
    network_form,
    node_form,
)
from ganeti.daemons.confd.protocol import LARGEST_ANSWER, Answer, ErrorCode, Query, QueryType, Status
from ganeti.errors import GanetiError, UnknownEntity, WrongInput
from ganeti.model.defaults import collectors_of
from ganeti.model.guest import guest_nics
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.node import Node, NodeRole
from ganeti.model.parameters import filled
from ganeti.model.parameters.network import NicParameters
from ganeti.model.state import State

MOST_ADDRESSES = 500  # of one query
MOST_OBJECTS = 500  # of one answer; more would not fit
_SECRETS = ("osparams_private", "osparams_private_cluster")
_ROLES = {
    NodeRole.MASTER: 0,
    NodeRole.CANDIDATE: 1,
    NodeRole.OFFLINE: 2,
    NodeRole.DRAINED: 3,
    NodeRole.REGULAR: 4,
}
E_ = TypeVar("E_", Node, Instance)
T = TypeVar("T")


class _Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a query that is an object; its keys are numbers.

    Without a ``link``, the cluster's default applies.
    """

    link: str | None = msgspec.field(name="0", default=None)
    ip: str | None = msgspec.field(name="1", default=None)
    ips: Annotated[tuple[str, ...], Meta(max_length=MOST_ADDRESSES)] | None = msgspec.field(name="2", default=None)
    fields: Annotated[tuple[Annotated[int, Meta(ge=0, le=2)], ...], Meta(max_length=MOST_ADDRESSES)] = msgspec.field(
        name="3", default=()
    )


class _Refused(Exception):
    """Carries the answer: a string, or the number of an error."""

    def __init__(self, answer: str | ErrorCode) -> None:
        super().__init__(answer)
        self.answer = answer


@dataclass(frozen=True)
class Answers:
    """For one state."""

    followed: Followed

    def to(self, query: Query) -> Answer:
        answer = self._answers.get(query.type)
        if answer is None:
            return Answer(Status.NOT_IMPLEMENTED, f"There is no query of type {query.type}")
        try:
            found = answer(query.query)
        except _Refused as refused:
            return Answer(Status.ERROR, refused.answer)
        except (UnknownEntity, WrongInput) as error:
            return Answer(Status.ERROR, error.message)
        except GanetiError as error:
            return Answer(Status.ERROR, f"This cannot be told: {error.message}")
        return Answer(Status.OK, found, 0 if query.type == QueryType.PING else self.followed.revision)

    @property
    def prepared(self) -> bool:
        """Whether the index of instances' addresses has been built, which takes a while."""
        return "_links" in vars(self)

    def prepare(self) -> None:
        """Build the index; if that fails, queries are answered with the reason."""
        with suppress(GanetiError):
            _ = self._links

    @property
    def _state(self) -> State:
        return self.followed.state

    @cached_property
    def _answers(self) -> Mapping[int, Callable[[Any], Any]]:
        state = self._state
        return {
            QueryType.PING: lambda _: VERSION,
            QueryType.NODE_ROLE: lambda query: _ROLES[state.role(self._named(Node, query))],
            QueryType.NODE_OF_ADDRESS: self._node_of_address,
            QueryType.MASTER: self._master,
            QueryType.NODE_ADDRESSES: lambda _: [node.primary_ip for node in state.nodes],
            QueryType.CANDIDATE_ADDRESSES: lambda _: [node.primary_ip for node in state.candidates],
            QueryType.INSTANCE_ADDRESSES: self._instance_addresses,
            QueryType.NODE_DRBD: lambda query: list(_mirrors(state, self._named(Node, query))),
            QueryType.NODE_INSTANCES: self._node_instances,
            QueryType.INSTANCE_DISKS: lambda query: _disks(self._named(Instance, query)),
            QueryType.CONFIGURATION: self._configuration,
            QueryType.COLLECTORS: lambda _: self._collectors(),
        }

    def _named(self, cls: type[E_], query: object) -> E_:
        if not isinstance(query, str):
            raise _Refused(ErrorCode.ARGUMENT)
        return self._state.find(cls, query)

    @cached_property
    def _links(self) -> Mapping[str, Mapping[str, str]]:
        """By link, the addresses of NICs that are connected to it, with those of their instances' primary nodes."""
        found: dict[str, dict[str, str]] = {}
        for instance in self._state.instances:
            if any(nic.ip for nic in instance.nics):
                node = self._state.get(Node, instance.primary_node).primary_ip
                for nic in guest_nics(self._state, instance):
                    if nic.ip:
                        found.setdefault(nic.link, {})[nic.ip] = node
        return found

    @property
    def _default_link(self) -> str:
        return filled(NicParameters, self._state.cluster.nicparams).link

    def _node_of_address(self, query: object) -> Any:
        """For one address that of its node; for several, a list of (status, address of its node or error, serial)."""
        if not isinstance(query, dict):
            raise _Refused(ErrorCode.ARGUMENT)
        asked = _converted(query, _Asked)
        known = self._links.get(self._default_link if asked.link is None else asked.link, {})
        if asked.ip is None:
            return [
                [Status.OK, known[ip], self.followed.revision]
                if ip in known
                else [Status.ERROR, ErrorCode.UNKNOWN_ENTRY, 0]
                for ip in asked.ips or ()
            ]
        if asked.ip not in known:
            raise _Refused(ErrorCode.UNKNOWN_ENTRY)
        return known[asked.ip]

    def _master(self, query: object) -> Any:
        state = self._state
        if query is None:
            return state.master.name
        if not isinstance(query, dict):
            raise _Refused(ErrorCode.ARGUMENT)
        fields = (state.master.name, state.cluster.master_ip, state.master.primary_ip)
        return [fields[number] for number in _converted(query, _Asked).fields]

    def _instance_addresses(self, query: object) -> list[str]:
        if query is None:
            return [ip for addresses in self._links.values() for ip in addresses]
        if not isinstance(query, str):
            raise _Refused(ErrorCode.ARGUMENT)
        return list(self._links.get(query, {}))

    def _node_instances(self, query: object) -> list[list[dict[str, Any]]]:
        """The instances of which the node is the primary, and those of which it is a secondary."""
        node = self._named(Node, query)
        found = _not_too_many(self._state.instances_on(node.uuid))
        split: tuple[list[dict[str, Any]], ...] = ([], [])
        for instance in found:
            split[instance.primary_node != node.uuid].append(_public(instance_form(self._state, instance)))
        return list(split)

    def _collectors(self) -> dict[str, Any]:
        return collectors_of(self._state.cluster)

    def _configuration(self, query: object) -> Any:
        """A value of the configuration by its path, such as ``/cluster/cluster_name``."""
        if not isinstance(query, str) or not query.startswith("/"):
            raise _Refused(ErrorCode.ARGUMENT)
        section, *path = query[1:].split("/")
        value = self._section(section, path[0] if path else None)
        for step in path:
            if not isinstance(value, dict) or step not in value:
                raise _Refused(ErrorCode.ARGUMENT)
            value = value[step]
        return value

    def _section(self, name: str, uuid: str | None) -> Any:
        """Only the object with that UUID, if one is given."""
        state = self._state
        forms: dict[str, tuple[Kind, Callable[[Any], dict[str, Any]]]] = {
            "nodes": (Kind.NODE, node_form),
            "nodegroups": (Kind.GROUP, group_form),
            "instances": (Kind.INSTANCE, lambda one: _public(instance_form(state, one))),
            "networks": (Kind.NETWORK, lambda one: network_form(state, one)),
        }
        if name == "version":
            return VERSION
        if name == "serial_no":
            return self.followed.revision
        if name == "cluster":
            return msgspec.to_builtins(_public(cluster_form(state)))
        if name not in forms:
            raise _Refused(ErrorCode.ARGUMENT)
        kind, form = forms[name]
        entities = state.entities[kind]
        wanted = entities.values() if uuid is None else [entities[uuid]] if uuid in entities else []
        _ensure_addresses_fit(entity for entity in wanted if isinstance(entity, Network))
        return {entity.uuid: msgspec.to_builtins(form(entity)) for entity in _not_too_many(list(wanted))}


def _mirrors(state: State, node: Node) -> Iterator[list[Any]]:
    """For each DRBD device of a node: node, minor, instance, disk, role, and the peer node."""
    for instance in state.instances_on(node.uuid):
        role = "primary" if instance.primary_node == node.uuid else "secondary"
        for index, disk in enumerate(instance.disks):
            if disk.mirror and node.uuid in disk.nodes:
                own = disk.nodes.index(node.uuid)
                peer = state.get(Node, disk.nodes[1 - own]).name
                yield [node.name, disk.mirror.minors[own], instance.name, f"disk/{index}", role, peer]


def _disks(instance: Instance) -> list[dict[str, Any]]:
    found = [disk_form(instance, index) for index in range(len(instance.disks))]
    for form, disk in zip(found, instance.disks, strict=True):
        if disk.mirror:
            form["logical_id"] = [*form["logical_id"][:-1], ""]
    return found


def _public(form: dict[str, Any]) -> dict[str, Any]:
    return {name: {} if name in _SECRETS else value for name, value in form.items()}


def _not_too_many(entities: list[T]) -> list[T]:
    if len(entities) > MOST_OBJECTS:
        raise _Refused(f"There are {len(entities)} of them; ganeti-confd tells {MOST_OBJECTS} at most at once")
    return entities


def _ensure_addresses_fit(networks: Iterable[Network]) -> None:
    """Each address of a network takes two characters of an answer, and some time to compute."""
    count = sum(network.subnet.num_addresses for network in networks)
    if 2 * count > LARGEST_ANSWER:
        raise _Refused(f"There are {count} addresses in them, which do not fit into a datagram of ganeti-confd")


def _converted(query: dict[Any, Any], cls: type[T]) -> T:
    try:
        return msgspec.convert(query, cls)
    except msgspec.ValidationError:
        raise _Refused(ErrorCode.ARGUMENT) from None
