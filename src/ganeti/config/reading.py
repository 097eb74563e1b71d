# SPDX-License-Identifier: BSD-2-Clause
"""Reading the configuration from a store. What cannot be read is left where it is, and named; the rest is served."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ganeti.config.store import Store
from ganeti.errors import GanetiError, StoreFailed, WrongState
from ganeti.model.entity import Entity
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import CLASSES, State
from ganeti.rpc.contract.store import Record

_log = logging.getLogger(__name__)

# Kinds never read in part: an instance must not start with half of its settings, a filter would match other jobs.
_WHOLE = frozenset({Kind.INSTANCE, Kind.FILTER})


@dataclass(slots=True)
class Reading:
    """``problems``: what could not be read, and why. ``partly``: by UUID, the records that were read in part."""

    state: State = field(default_factory=State)
    problems: dict[str, str] = field(default_factory=dict)
    partly: dict[str, Record] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)  # UUIDs

    def take(self, kind: Kind, cls: type[Entity], record: Record) -> None:
        try:
            entity = self._decoded(kind, cls, record)
            self._ensure_whole(entity)
            self.state = self.state.changed([entity])
        except (msgspec.MsgspecError, GanetiError) as error:
            self._lost.add(record.key)
            self._tell(f"{kind.noun} {record.key}", f"it is kept, but not served: {error}")

    @property
    def whole(self) -> bool:
        """Whether the objects are there without which there is no cluster."""
        found = self.state.entities
        return bool(found[Kind.CLUSTER]) and self.state.cluster.master_node in found[Kind.NODE]

    def _decoded(self, kind: Kind, cls: type[Entity], record: Record) -> Entity:
        try:
            return msgspec.json.decode(record.body, type=cls)
        except msgspec.ValidationError:
            if kind in _WHOLE:
                raise
        entity, left_out = _in_part(cls, record)
        self.partly[record.key] = record
        self._tell(f"{kind.noun} {entity.name}", f"these settings count as not given: {', '.join(left_out)}")
        return entity

    def _ensure_whole(self, entity: Entity) -> None:
        if lost := self._lost & set(_referred(entity)):
            raise WrongState(f"{entity.name} refers to {', '.join(sorted(lost))}, which cannot be read either")

    def _tell(self, what: str, why: str) -> None:
        self.problems[what] = why
        _log.error("The stored %s cannot be read; %s", what, why)


def read(store: Store) -> Reading:
    """Raises StoreFailed if an object is missing without which there is no cluster."""
    reading = Reading()
    for kind, cls in CLASSES.items():  # objects that others refer to come first
        for record in store.load(kind):
            reading.take(kind, cls, record)
    if not reading.whole:
        told = "; ".join(f"{what}: {why}" for what, why in reading.problems.items())
        raise StoreFailed(f"The cluster's state cannot be read ({told}); restore it from another master candidate")
    return reading


def _in_part(cls: type[Entity], record: Record) -> tuple[Entity, Sequence[str]]:
    """An object without its unreadable settings, and their names. Raises ValidationError if one is required."""
    values = msgspec.json.decode(record.body, type=dict[str, msgspec.Raw])
    types = {one.encode_name: one.type for one in msgspec.structs.fields(cls)}
    kept = {}
    for name, raw in values.items():
        try:
            msgspec.json.decode(raw, type=types.get(name, object))
            kept[name] = raw
        except msgspec.ValidationError:
            pass
    return msgspec.json.decode(msgspec.json.encode(kept), type=cls), sorted(values.keys() - kept.keys())


def _referred(entity: Entity) -> Sequence[str]:
    if isinstance(entity, Node):
        return [entity.group]
    return [*entity.nodes, *entity.networks] if isinstance(entity, Instance) else []
