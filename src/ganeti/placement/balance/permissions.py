# SPDX-License-Identifier: BSD-2-Clause
"""Which moves of some instances are allowed: by limits, options and tags."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ganeti.placement.balance.chunk import Chunk
from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.balance.move import MoveKind
from ganeti.placement.balance.room import ALL
from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE


class Permissions:
    """Masks with a row per instance, a column per target; a failover, which has no target, is one column.

    Soft limits do not apply to instances that leave an offline node (``_leaves_primary``, ``_leaves_secondary``), nor
    if the user ignores them (``_unlimited``).
    """

    def __init__(self, evaluation: Evaluation, chunk: Chunk) -> None:
        self._options = evaluation.options
        self._room, self._risk = evaluation.room, evaluation.risk
        self._migration = evaluation.neighbourhood.migration
        self._chunk = chunk
        ignored = evaluation.options.ignore_soft_limits
        self._leaves_primary: Mask = chunk.primary_offline | ignored
        self._leaves_secondary: Mask = chunk.secondary_offline | ignored
        self._unlimited: Mask = np.full(len(chunk.instances), fill_value=ignored)

    def of_kind(self, kind: MoveKind) -> Mask:
        """A kind of move that the instances and the options allow (``Balance.kinds``)."""
        if kind is MoveKind.FAILOVER:
            return self._failover()[:, None]
        judge = {
            MoveKind.REPLACE_SECONDARY: self._replace_secondary,
            MoveKind.FAILOVER_AND_REPLACE: self._failover_and_replace,
            MoveKind.REPLACE_AND_FAILOVER: self._replace_and_failover,
            MoveKind.REPLACE_PRIMARY: self._replace_primary,
            MoveKind.ANYWHERE: self._go_anywhere,
        }
        return self._elsewhere(judge[kind]())

    # --- the kinds of moves ---------------------------------------------------------------------------------

    def _failover(self) -> Mask:
        chunk = self._chunk
        return self._primary_at_secondary & self._secondary_at_primary() & self._migrates(chunk.primary)

    def _replace_secondary(self) -> Mask:
        return self._stays()[:, None] & self._secondary_at_all(self._chunk.joined_to_primary, self._leaves_secondary)

    def _failover_and_replace(self) -> Mask:
        chunk = self._chunk
        fails_over = self._primary_at_secondary & self._migrates(chunk.primary)
        return fails_over[:, None] & self._secondary_at_all(chunk.joined_to_secondary, self._leaves_primary)

    def _replace_and_failover(self) -> Mask:
        chunk = self._chunk
        allowed = self._primary_at_all(self._unlimited) & self._primary_mirrors()
        allowed &= self._migrates_to_all(chunk.primary)
        if self._options.restricted_migration:
            allowed &= chunk.primary_offline[:, None]
        return allowed

    def _replace_primary(self) -> Mask:
        chunk = self._chunk
        by_way = self._migrates(chunk.primary) & self._primary_at_secondary & ~chunk.secondary_offline
        allowed = by_way[:, None] & self._primary_at_all(self._leaves_primary) & self._secondary_mirrors()
        return allowed & self._migrates_to_all(chunk.secondary)

    def _go_anywhere(self) -> Mask:
        return self._primary_at_all(self._leaves_primary) & self._migrates_to_all(self._chunk.primary)

    # --- the primary of the instance ------------------------------------------------------------------------

    @cached_property
    def _primary_at_secondary(self) -> Mask:
        """Whether the secondary can become the primary."""
        chunk = self._chunk
        hard = self._room.primary_hard(chunk.instances, chunk.secondary, back=True)
        soft = self._room.primary_soft(chunk.instances, chunk.secondary, back=True)
        if chunk.met is not None:
            soft &= chunk.met[chunk.rows, chunk.secondary] == 0
        if chunk.real:
            soft &= ~chunk.fails_as_primary | chunk.fails_without
        return hard & (soft | self._leaves_primary)

    def _primary_at_all(self, free: Mask) -> Mask:
        """Whether each node can become the primary; soft limits do not apply where ``free``."""
        if free.all():
            return self._primary_hard.copy()
        return self._primary_hard & (self._primary_soft | free[:, None])

    @cached_property
    def _primary_hard(self) -> Mask:
        return self._room.primary_hard(self._chunk.instances, ALL)

    @cached_property
    def _primary_soft(self) -> Mask:
        chunk = self._chunk
        soft = self._room.primary_soft(chunk.instances, ALL)
        if chunk.met is not None:
            soft &= chunk.met == 0
        if chunk.real:
            soft &= self._risk.takes_primary(chunk.held)
        return soft

    def _stays(self) -> Mask:
        """Whether the primary can stay: the instance has to fit there again."""
        stays: Mask = self._room.primary_stays(self._chunk.instances) | self._chunk.primary_offline
        return stays

    # --- its secondary --------------------------------------------------------------------------------------

    def _secondary_at_all(self, joined: Floats, free: Mask) -> Mask:
        """Whether each node can become the secondary, which then reserves ``joined``."""
        if free.all():
            return self._secondary_hard
        soft = self._secondary_soft
        if self._chunk.real:
            soft = soft & self._risk.takes_secondary(joined)
        return self._secondary_hard & (soft | free[:, None])

    @cached_property
    def _secondary_hard(self) -> Mask:
        return self._room.secondary_hard(self._chunk.instances, ALL)

    @cached_property
    def _secondary_soft(self) -> Mask:
        return self._room.secondary_soft(self._chunk.instances, ALL)

    def _secondary_at_primary(self) -> Mask:
        """Whether the primary can become the secondary of the secondary."""
        chunk = self._chunk
        hard = self._room.secondary_hard(chunk.instances, chunk.primary, back=True)
        soft = self._room.secondary_soft(chunk.instances, chunk.primary, back=True)
        if chunk.real:
            soft &= ~chunk.fails_exchanged | chunk.fails_when_left
        return (hard & (soft | self._leaves_primary)) | (chunk.primary_offline & self._leaves_primary)

    def _primary_mirrors(self) -> Mask:
        """Whether the primary can become the secondary of each node as the primary."""
        chunk = self._chunk
        hard = self._room.secondary_hard(chunk.instances, chunk.primary, back=True)
        soft = self._room.secondary_soft(chunk.instances, chunk.primary, back=True)[:, None]
        if chunk.real:
            soft = soft & (~chunk.fails_kept_by_primary | chunk.fails_when_left[:, None])
        free = self._leaves_secondary[:, None]
        return (hard[:, None] & (soft | free)) | (chunk.primary_offline[:, None] & free)

    def _secondary_mirrors(self) -> Mask:
        """Whether the secondary can stay with each node as the primary."""
        chunk = self._chunk
        hard = self._room.secondary_hard(chunk.instances, chunk.secondary, back=True)
        soft = self._room.secondary_soft(chunk.instances, chunk.secondary, mirror=True)[:, None]
        if chunk.real:
            soft = soft & (~chunk.fails_kept_by_secondary | chunk.fails_without[:, None])
        return hard[:, None] & (soft | self._leaves_primary[:, None])

    # --- both -----------------------------------------------------------------------------------------------

    def _elsewhere(self, allowed: Mask) -> Mask:
        """Without the present nodes of the instance."""
        chunk = self._chunk
        allowed[chunk.rows, chunk.primary] = False
        mirrored = np.flatnonzero(chunk.secondary != NO_NODE)
        allowed[mirrored, chunk.secondary[mirrored]] = False
        return allowed

    def _migrates(self, source: Ints) -> Mask:
        """Whether they can migrate from a node to their secondary."""
        if self._migration is None:
            return np.ones(len(source), dtype=bool)
        return self._migration[source, self._chunk.secondary]

    def _migrates_to_all(self, source: Ints) -> Mask:
        return np.ones((len(source), 1), dtype=bool) if self._migration is None else self._migration[source]
