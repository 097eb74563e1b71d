# SPDX-License-Identifier: BSD-2-Clause
"""One step of balancing: an instance, the kind of move, and a node."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from msgspec import Struct

from ganeti.placement.snapshot import NO_NODE

_Nodes = TypeVar("_Nodes")


class MoveKind(Enum):
    """What hbal(1) can do with an instance: f is failover or migration, r replaces the secondary node."""

    FAILOVER = "f"
    REPLACE_SECONDARY = "r"
    FAILOVER_AND_REPLACE = "fr"
    REPLACE_AND_FAILOVER = "rf"
    REPLACE_PRIMARY = "frf"
    ANYWHERE = "fa"  # every node of the group has access to the disks


def after_move(kind: MoveKind, target: _Nodes, primary: _Nodes, secondary: _Nodes) -> tuple[_Nodes, _Nodes]:
    """Primary and secondary after a move to ``target``; indices, or arrays of them."""
    after = {
        MoveKind.FAILOVER: (secondary, primary),
        MoveKind.REPLACE_SECONDARY: (primary, target),
        MoveKind.FAILOVER_AND_REPLACE: (secondary, target),
        MoveKind.REPLACE_AND_FAILOVER: (target, primary),
        MoveKind.REPLACE_PRIMARY: (target, secondary),
        MoveKind.ANYWHERE: (target, secondary),
    }
    return after[kind]


class Move(Struct, frozen=True):
    """``instance`` is its index in the snapshot; ``target`` the node that joins (NO_NODE for a failover)."""

    instance: int
    kind: MoveKind
    target: int

    def nodes_after(self, primary: int, secondary: int) -> tuple[int, int]:
        """Primary and secondary of the instance, from those that it has before."""
        return after_move(self.kind, self.target, primary, secondary)

    def touches(self, primary: int, secondary: int) -> frozenset[int]:
        """The nodes that take part in the move."""
        return frozenset({primary, secondary, self.target} - {NO_NODE})


class Step(Struct, frozen=True):
    """A move with its start and its result."""

    move: Move
    before: tuple[int, int]
    after: tuple[int, int]
    score: float
