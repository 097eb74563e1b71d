# SPDX-License-Identifier: BSD-2-Clause
"""Candidates for a search: in each, one instance moves, or two swap their places on a node."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE


class Transfer(Struct, frozen=True):
    """What each candidate moves from one node to another: one entry per candidate.

    ``outgoing``: instances that move from ``source`` to ``target``, ``incoming``: those in the opposite direction;
    their weights are 1, or 0 where nothing moves: then the nodes are arbitrary.
    """

    source: Ints
    target: Ints
    outgoing: Ints
    outgoing_weight: Floats
    incoming: Ints
    incoming_weight: Floats

    def amount(self, demand: Floats) -> Floats:
        """The net amount that the target gets, of ``demand`` with a column per instance; may be negative."""
        amount: Floats = demand.take(self.outgoing, axis=1) * self.outgoing_weight
        amount -= demand.take(self.incoming, axis=1) * self.incoming_weight
        return amount


class Exchanges:
    """``table[column, row, candidate]``: rows are the first and the second instance of each candidate.

    Columns are the instances, their primary and secondary nodes before and after. A second instance that takes no
    part stays. An instance changes one node at most, and may swap the roles of its nodes.
    """

    def __init__(self, table: Ints) -> None:
        self._table = table
        self.instances: Ints = table[0]
        self.primary: Ints = table[1]
        self.secondary: Ints = table[2]
        self.new_primary: Ints = table[3]
        self.new_secondary: Ints = table[4]

    @classmethod
    def of_moves(cls, instances: Ints, before: tuple[Ints, Ints], after: tuple[Ints, Ints]) -> Exchanges:
        """Each moves one instance from its primary and secondary node before to those after."""
        return cls(np.stack(((instances, *before, *after), (instances, *before, *before)), axis=1))

    def __len__(self) -> int:
        return len(self.instances[0])

    def only(self, chosen: Ints) -> Exchanges:
        """Some of the candidates, by index."""
        return Exchanges(self._table.take(chosen, axis=2))

    @property
    def nodes(self) -> Ints:
        """The nodes that take part, a column per candidate; NO_NODE where there is none."""
        moves = (self.primary != self.new_primary) | (self.secondary != self.new_secondary)
        nodes: Ints = np.where(moves, self._table[1:], NO_NODE).reshape(8, -1)
        return nodes

    @cached_property
    def of_primaries(self) -> Transfer:
        """The transfers of the primary role."""
        return self._transfer(self.primary, self.new_primary, self.primary != self.new_primary)

    @cached_property
    def of_disks(self) -> Transfer:
        """The transfers of a mirror of the disks, whatever the role."""
        primary_leaves = (self.primary != self.new_primary) & (self.primary != self.new_secondary)
        secondary_leaves = (self.secondary != self.new_primary) & (self.secondary != self.new_secondary)
        primary_joins = (self.new_primary != self.primary) & (self.new_primary != self.secondary)
        left = np.where(primary_leaves, self.primary, self.secondary)
        joined = np.where(primary_joins, self.new_primary, self.new_secondary)
        return self._transfer(left, joined, primary_leaves | secondary_leaves)

    def _transfer(self, left: Ints, joined: Ints, goes: Mask) -> Transfer:
        first, weights = goes[0], goes.astype(float)
        source, target = np.where(first, left[0], joined[1]), np.where(first, joined[0], left[1])
        return Transfer(source, target, self.instances[0], weights[0], self.instances[1], weights[1])
