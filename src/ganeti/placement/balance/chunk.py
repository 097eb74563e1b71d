# SPDX-License-Identifier: BSD-2-Clause
"""Instances that are rated together, and the memory reserved for them before and after a move."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE


class Chunk:
    """Instances of one class: mirrored or with shared disks, existing (``real``) or forthcoming.

    Memory is in MiB; vectors have an entry per instance, matrices also a column per node. A node fails (N+1) if
    what it reserves for others' instances is no less than what it has free.
    """

    def __init__(self, evaluation: Evaluation, instances: Ints) -> None:
        fleet, offline = evaluation.fleet, evaluation.offline
        self._reserve, self._risk = evaluation.reserve, evaluation.risk
        self._neighbourhood = evaluation.neighbourhood
        self._held_memory = fleet.held_memory
        self.instances = instances
        self.rows = np.arange(len(instances))
        self.primary = fleet.primary[instances]
        self.secondary = fleet.secondary[instances]
        self.real = not bool(fleet.forthcoming[instances[0]])
        self.primary_offline: Mask = offline[self.primary]
        self.secondary_offline: Mask = offline[self.secondary] & (self.secondary != NO_NODE)

    @cached_property
    def held(self) -> Floats:
        """The memory that each uses on its primary node."""
        held: Floats = self._held_memory[self.instances]
        return held

    @cached_property
    def left_at_primary(self) -> Floats:
        """Free memory of the primary without the instance."""
        left: Floats = self._risk.free[self.primary] + self.held
        return left

    @cached_property
    def met(self) -> Floats | None:
        """How many of its exclusion tags each instance meets on each node; None without exclusion tags."""
        return self._neighbourhood.met(self.instances) if self._neighbourhood.excludes else None

    # --- what nodes reserve after the move ------------------------------------------------------------------

    @cached_property
    def without(self) -> Floats:
        """The secondary, once the instance has left it."""
        return self._reserve.without(self.instances)

    @cached_property
    def exchanged(self) -> Floats:
        """The primary, once both nodes have changed places."""
        return self._reserve.at(self.instances, self.primary, self.secondary, self._reserve.reserved[self.primary])

    @cached_property
    def joined_to_primary(self) -> Floats:
        """Each node as the secondary of the primary."""
        return self._reserve.joined(self.instances, self.primary)

    @cached_property
    def joined_to_secondary(self) -> Floats:
        """Each node as the secondary of the secondary, which has become the primary."""
        return self._reserve.joined(self.instances, self.secondary)

    @cached_property
    def kept_by_primary(self) -> Floats:
        """The primary, as the secondary of each node."""
        return self._reserve.kept_by(self.instances, self.primary, self._reserve.reserved[self.primary])

    @cached_property
    def kept_by_secondary(self) -> Floats:
        """The secondary, which stays it, with each node as the primary."""
        return self._reserve.kept_by(self.instances, self.secondary, self.without)

    # --- which nodes fail N+1 then --------------------------------------------------------------------------

    @cached_property
    def fails_without(self) -> Mask:
        """The secondary, once the instance has left it."""
        fails: Mask = self.without >= self._risk.free[self.secondary]
        return fails

    @cached_property
    def fails_staying(self) -> Mask:
        """The primary, once it has been changed; see ``Occupancy.fails_n1``."""
        fails: Mask = self._reserve.reserved[self.primary] >= self._risk.free[self.primary]
        return fails

    @cached_property
    def fails_when_left(self) -> Mask:
        """The primary, once the instance has left it."""
        fails: Mask = self._reserve.reserved[self.primary] >= self.left_at_primary
        return fails

    @cached_property
    def fails_as_primary(self) -> Mask:
        """The secondary, as the primary."""
        fails: Mask = self.without >= self._risk.free[self.secondary] - self.held
        return fails

    @cached_property
    def fails_with_primary(self) -> Mask:
        """Each node, as the primary."""
        fails: Mask = self._reserve.reserved >= self._risk.free - self.held[:, None]
        return fails

    @cached_property
    def fails_exchanged(self) -> Mask:
        """The primary, once both nodes have changed places."""
        fails: Mask = self.exchanged >= self.left_at_primary
        return fails

    @cached_property
    def fails_kept_by_primary(self) -> Mask:
        """The primary, as the secondary of each node."""
        fails: Mask = self.kept_by_primary >= self.left_at_primary[:, None]
        return fails

    @cached_property
    def fails_kept_by_secondary(self) -> Mask:
        """The secondary, which stays it, with each node as the primary."""
        fails: Mask = self.kept_by_secondary >= self._risk.free[self.secondary][:, None]
        return fails
