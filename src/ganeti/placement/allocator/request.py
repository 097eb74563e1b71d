# SPDX-License-Identifier: BSD-2-Clause
"""The requests to an allocator. Instances, nodes and groups are indexes in the accompanying snapshot."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ganeti.placement.snapshot import Instance


class EvacuationMode(StrEnum):
    """Which of their nodes the instances leave."""

    PRIMARY_ONLY = "primary-only"
    SECONDARY_ONLY = "secondary-only"
    ALL = "all"


class Allocate(Struct, frozen=True, kw_only=True):
    """Nodes for a new instance; its own ``primary`` and ``secondary`` are ignored.

    Only in ``group`` and among ``nodes``, if given.
    """

    instance: Instance
    required_nodes: int
    group: int | None = None
    nodes: tuple[int, ...] | None = None


class MultiAllocate(Struct, frozen=True):
    """Nodes for several new instances, in this order."""

    requests: tuple[Allocate, ...]


class AllocateSecondary(Struct, frozen=True, kw_only=True):
    """A node in its group for the mirror of an instance that has none."""

    instance: int


class Relocate(Struct, frozen=True, kw_only=True):
    """A replacement for the node ``relocate_from`` of an instance: its secondary one if it has one."""

    instance: int
    required_nodes: int
    relocate_from: tuple[int, ...]


class ChangeGroup(Struct, frozen=True, kw_only=True):
    """Nodes in other groups, one of ``target_groups`` if any are given."""

    instances: tuple[int, ...]
    target_groups: tuple[int, ...] = ()


class Evacuate(Struct, frozen=True, kw_only=True):
    """Other nodes in the same group."""

    instances: tuple[int, ...]
    mode: EvacuationMode


Request = Allocate | MultiAllocate | AllocateSecondary | Relocate | ChangeGroup | Evacuate
