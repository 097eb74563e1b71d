# SPDX-License-Identifier: BSD-2-Clause
"""One step of balancing: an instance, what is done with it, and a node."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from ganeti.placement.snapshot import NO_NODE


class Kind(Enum):
    """What hbal(1) can do with an instance: f is failover or migration, r replaces the secondary node."""

    FAILOVER = "f"
    REPLACE_SECONDARY = "r"
    FAILOVER_AND_REPLACE = "fr"
    REPLACE_AND_FAILOVER = "rf"
    REPLACE_PRIMARY = "frf"
    ANYWHERE = "fa"  # every node of the group has the disks

    @property
    def moves_primary(self) -> bool:
        return self is not Kind.REPLACE_SECONDARY


class Move(Struct, frozen=True):
    """``instance`` is its index in the snapshot; ``target`` the node that joins (NO_NODE for a failover)."""

    instance: int
    kind: Kind
    target: int

    def nodes_after(self, primary: int, secondary: int) -> tuple[int, int]:
        """Primary and secondary of the instance, from those that it has before."""
        after = {
            Kind.FAILOVER: (secondary, primary),
            Kind.REPLACE_SECONDARY: (primary, self.target),
            Kind.FAILOVER_AND_REPLACE: (secondary, self.target),
            Kind.REPLACE_AND_FAILOVER: (self.target, primary),
            Kind.REPLACE_PRIMARY: (self.target, secondary),
            Kind.ANYWHERE: (self.target, secondary),
        }
        return after[self.kind]

    def touches(self, primary: int, secondary: int) -> frozenset[int]:
        """The nodes that take part in the move."""
        return frozenset({primary, secondary, self.target} - {NO_NODE})


class Step(Struct, frozen=True):
    """A move with where it starts and what it leads to."""

    move: Move
    before: tuple[int, int]
    after: tuple[int, int]
    score: float
