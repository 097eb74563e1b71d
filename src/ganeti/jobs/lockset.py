# SPDX-License-Identifier: BSD-2-Clause
"""A set of locks, as a value.

Locks have two levels, as in Gray's "Granularity of locks in a shared data base": a whole kind of objects
("node/*") and single ones ("node/node1"). Holding a single one implies an intention on the whole, so "all
nodes, shared" and "node1, exclusive" exclude each other without listing all nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ganeti.model.kind import Kind


class Mode(IntEnum):
    """How a lock is wanted or held. The first two are intentions: implied on a whole kind by locks on its objects."""

    INTENT_SHARED = 0
    INTENT_EXCLUSIVE = 1
    SHARED = 2
    EXCLUSIVE = 3

    @property
    def word(self) -> str:
        return "exclusive" if self in (Mode.EXCLUSIVE, Mode.INTENT_EXCLUSIVE) else "shared"


_IS, _IX, _S, _X = Mode
COMPATIBLE = frozenset({(_IS, _IS), (_IS, _IX), (_IS, _S), (_IX, _IS), (_IX, _IX), (_S, _IS), (_S, _S)})
# Two modes combined: a kind shared with some of its objects exclusive locks the whole kind exclusively.
_JOIN = {(_S, _IX): _X, (_IX, _S): _X}

WHOLE = "*"


@dataclass(frozen=True, slots=True, order=True)
class LockName:
    """``kind/name``; the name ``*`` is the whole kind."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.label}/{self.name}"


@dataclass(frozen=True, slots=True)
class LockSet:
    """The locks an operation needs: ``exclusive(Kind.INSTANCE, "a") | shared(Kind.NODE, "n1")``."""

    modes: Mapping[LockName, Mode] = field(default_factory=dict)

    def __or__(self, other: LockSet) -> LockSet:
        merged = dict(self.modes)
        for name, mode in other.modes.items():
            merged[name] = _join(merged.get(name, mode), mode)
        return LockSet(merged)

    def __le__(self, other: LockSet) -> bool:
        """Whether holding ``other`` is enough for whoever needs this set."""
        held = other.modes
        return all(name in held and _join(held[name], mode) == held[name] for name, mode in self.modes.items())


def shared(kind: Kind, *names: str) -> LockSet:
    return _locks(kind, names, Mode.SHARED)


def exclusive(kind: Kind, *names: str) -> LockSet:
    return _locks(kind, names, Mode.EXCLUSIVE)


def all_shared(kind: Kind) -> LockSet:
    """All objects of a kind, including those that don't exist yet."""
    return LockSet({LockName(kind, WHOLE): Mode.SHARED})


def all_exclusive(kind: Kind) -> LockSet:
    return LockSet({LockName(kind, WHOLE): Mode.EXCLUSIVE})


def _locks(kind: Kind, names: Iterable[str], mode: Mode) -> LockSet:
    modes = {LockName(kind, name): mode for name in names}
    if modes:
        modes[LockName(kind, WHOLE)] = _IX if mode is Mode.EXCLUSIVE else _IS
    return LockSet(modes)


def _join(one: Mode, other: Mode) -> Mode:
    return _JOIN.get((one, other), max(one, other))
