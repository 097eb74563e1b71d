# SPDX-License-Identifier: BSD-2-Clause
"""What every object of the cluster has."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct

from ganeti.model.kind import Kind


class Entity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named object of the cluster's configuration.

    ``serial_no`` counts its changes; a change made from an older one is refused. ``ctime`` and
    ``mtime`` are seconds since the epoch. All three are set when a transaction is committed.
    """

    kind: ClassVar[Kind]

    uuid: str
    name: str
    serial_no: int = 0
    ctime: float = 0.0
    mtime: float = 0.0
    tags: frozenset[str] = frozenset()


E = TypeVar("E", bound=Struct)


def evolve(value: E, /, **changes: object) -> E:
    """The same value with some fields changed."""
    return msgspec.structs.replace(value, **changes)


def differences(before: E, after: E) -> list[tuple[str, Any]]:
    """The fields that differ, with their values in ``after``."""
    names = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    return [(name, getattr(after, name)) for name in names]
