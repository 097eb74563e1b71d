# SPDX-License-Identifier: BSD-2-Clause
"""The score after every possible move of some instances."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.balance.move import Kind
from ganeti.placement.balance.room import ALL
from ganeti.placement.demand import Floats
from ganeti.placement.score import WEIGHTS
from ganeti.placement.snapshot import NO_NODE

_LEAVING = WEIGHTS["offline_all_cnt"]
_LEAVING_PRIMARY = WEIGHTS["offline_all_cnt"] + WEIGHTS["offline_pri_cnt"]


class Scores(Struct, frozen=True):
    """Of one kind of move: a row an instance, a column a target; infinite where it is not possible.

    A failover, which has no target, is one column.
    """

    kind: Kind
    scores: Floats


class Prospects:
    """Of a chunk of instances alike: mirrored or reaching their disks from anywhere, existing or forthcoming.

    ``hasty`` are those whose primary (``stranded``: secondary) is offline: no soft limit holds them there.
    """

    def __init__(self, evaluation: Evaluation, chunk: Ints) -> None:
        self._state = evaluation
        self._chunk = chunk
        fleet, offline = evaluation.fleet, evaluation.offline
        self._primary = fleet.primary[chunk]
        self._secondary = fleet.secondary[chunk]
        self._real = not bool(fleet.forthcoming[chunk[0]])
        careless = evaluation.rules.ignore_soft_limits
        self._from_offline = offline[self._primary]
        self._mirror_offline = offline[self._secondary] & (self._secondary != NO_NODE)
        self._hasty: Mask = self._from_offline | careless
        self._stranded: Mask = self._mirror_offline | careless
        self._careless: Mask = np.full(len(chunk), fill_value=careless)
        self._rows = np.arange(len(chunk))

    def of_kind(self, kind: Kind) -> Scores:
        """A kind of move that the instances and the rules allow (``kinds``)."""
        if kind is Kind.FAILOVER:
            return Scores(kind, self._failover())
        judge = {
            Kind.REPLACE_SECONDARY: self._replace_secondary,
            Kind.FAILOVER_AND_REPLACE: self._failover_and_replace,
            Kind.REPLACE_AND_FAILOVER: self._replace_and_failover,
            Kind.REPLACE_PRIMARY: self._replace_primary,
            Kind.ANYWHERE: self._go_anywhere,
        }
        return Scores(kind, self._elsewhere(judge[kind]()))

    # --- the kinds of moves ---------------------------------------------------------------------------------

    def _failover(self) -> Floats:
        state, primary, secondary = self._state, self._primary, self._secondary
        kept = state.reserve.at(self._chunk, primary, secondary, state.reserve.reserved[primary])
        ok = self._secondary_takes_over(kept) & self._migrates(primary, secondary)
        scores = self._primary_to_secondary + state.mirrored_lines.now()
        scores = scores[:, None] + self._tags_at(secondary) + self._located(secondary, primary)
        scores = scores - ((_LEAVING_PRIMARY - _LEAVING) * self._from_offline * self._real)[:, None]
        if self._real:
            changed = (secondary, self._without), (primary, kept)
            scores = (
                scores
                + state.reserve.score(*changed)
                + state.risk.score((secondary, 0, self._fails_as_primary), (primary, 0, kept >= self._left_at_primary))
            )
        return self._finish(scores, ok[:, None])

    def _secondary_takes_over(self, kept: Floats) -> Mask:
        """Whether primary and secondary can change places."""
        state, primary = self._state, self._primary
        hard = state.room.secondary_hard(self._chunk, primary, back=True)
        soft = state.room.secondary_soft(self._chunk, primary, back=True)
        if self._real:
            begins = (kept >= self._left_at_primary) & ~(state.reserve.reserved[primary] >= self._left_at_primary)
            soft &= ~begins
        back = (hard & (soft | self._hasty)) | (self._from_offline & self._hasty)
        return self._primary_at_secondary & back

    def _replace_secondary(self) -> Floats:
        state, primary = self._state, self._primary
        joined = state.reserve.joined(self._chunk, primary)
        ok = self._stays()[:, None] & self._secondary_at_all(joined, self._stranded)
        scores = self._mirror_moves + state.primary_lines.now() + self._located(primary, None)
        scores -= (_LEAVING * self._mirror_offline * self._real)[:, None]
        if self._real:
            scores += state.reserve.score((self._secondary, self._without), (ALL, joined))
            scores += state.risk.score(
                (primary, 0, self._fails_staying),
                (self._secondary, -1, self._fails_without),
                (ALL, 1, joined >= state.risk.free),
            )
        return self._finish(scores, ok)

    def _failover_and_replace(self) -> Floats:
        state, secondary = self._state, self._secondary
        joined = state.reserve.joined(self._chunk, secondary)
        ok = (self._primary_at_secondary & self._migrates(self._primary, secondary))[:, None]
        ok = ok & self._secondary_at_all(joined, self._hasty)
        scores = self._primary_disk_moves + self._primary_to_secondary[:, None]
        scores += self._tags_at(secondary) + self._located(secondary, None)
        scores -= (_LEAVING_PRIMARY * self._from_offline * self._real)[:, None]
        if self._real:
            scores += state.reserve.score((secondary, self._without), (ALL, joined))
            scores += state.risk.score(
                (self._primary, -1, self._fails_when_left),
                (secondary, 0, self._fails_as_primary),
                (ALL, 1, joined >= state.risk.free),
            )
        return self._finish(scores, ok)

    def _replace_and_failover(self) -> Floats:
        state, primary = self._state, self._primary
        kept = state.reserve.kept_by(self._chunk, primary, state.reserve.reserved[primary])
        ok = self._primary_at_all(self._careless) & self._primary_mirrors(kept)
        ok &= self._migrates_to_all(primary)
        if state.rules.restricted_migration:
            ok &= self._from_offline[:, None]
        scores = self._mirror_moves + self._primary_lines + self._tags + self._located(None, primary)
        scores -= ((_LEAVING_PRIMARY - _LEAVING) * self._from_offline * self._real)[:, None]
        scores -= (_LEAVING * self._mirror_offline * self._real)[:, None]
        if self._real:
            scores += state.reserve.score((self._secondary, self._without), (primary, kept))
            scores += state.risk.score(
                (primary, 0, kept >= self._left_at_primary[:, None]),
                (self._secondary, -1, self._fails_without),
                (ALL, 1, self._fails_with_primary),
            )
        return self._finish(scores, ok)

    def _primary_mirrors(self, kept: Floats) -> Mask:
        """Whether the primary can become the secondary of each node as the primary."""
        state, primary = self._state, self._primary
        hard = state.room.secondary_hard(self._chunk, primary, back=True)
        soft = state.room.secondary_soft(self._chunk, primary, back=True)[:, None]
        if self._real:
            left = self._left_at_primary
            failed = state.reserve.reserved[primary] >= left
            soft = soft & ((kept < left[:, None]) | failed[:, None])
        free_to = self._stranded[:, None]
        return (hard[:, None] & (soft | free_to)) | (self._from_offline[:, None] & free_to)

    def _replace_primary(self) -> Floats:
        state, secondary = self._state, self._secondary
        kept = state.reserve.kept_by(self._chunk, secondary, self._without)
        stays = self._migrates(self._primary, secondary) & self._primary_at_secondary & ~self._mirror_offline
        ok = stays[:, None] & self._primary_at_all(self._hasty) & self._secondary_mirrors(kept)
        ok &= self._migrates_to_all(secondary)
        scores = self._primary_disk_moves + self._primary_lines + self._tags + self._located(None, secondary)
        scores -= (_LEAVING_PRIMARY * self._from_offline * self._real)[:, None]
        if self._real:
            scores += state.reserve.score((secondary, kept))
            scores += state.risk.score(
                (self._primary, -1, self._fails_when_left),
                (secondary, 0, kept >= state.risk.free[secondary][:, None]),
                (ALL, 1, self._fails_with_primary),
            )
        return self._finish(scores, ok)

    def _secondary_mirrors(self, kept: Floats) -> Mask:
        """Whether the secondary can stay it with each node as the primary."""
        state, secondary = self._state, self._secondary
        hard = state.room.secondary_hard(self._chunk, secondary, back=True)
        soft = state.room.secondary_soft(self._chunk, secondary, mirror=True)[:, None]
        if self._real:
            soft = soft & ((kept < state.risk.free[secondary][:, None]) | self._fails_without[:, None])
        return hard[:, None] & (soft | self._hasty[:, None])

    def _go_anywhere(self) -> Floats:
        state = self._state
        ok = self._primary_at_all(self._hasty) & self._migrates_to_all(self._primary)
        scores = self._primary_disk_moves + self._primary_lines + self._tags + self._located(None, self._secondary)
        scores -= (_LEAVING_PRIMARY * self._from_offline * self._real)[:, None]
        if self._real:
            scores += self._reserve_for_all()
            scores += state.risk.score((self._primary, -1, self._fails_when_left), (ALL, 1, self._fails_with_primary))
        return self._finish(scores, ok)

    def _reserve_for_all(self) -> Floats | float:
        """What the reserved memory adds with each node as the primary, where secondaries stay."""
        reserve = self._state.reserve
        if (self._secondary == NO_NODE).all():
            return reserve.now()
        kept = reserve.kept_by(self._chunk, self._secondary, self._without)
        alone = (self._secondary == NO_NODE)[:, None]
        return np.where(alone, reserve.now(), reserve.score((self._secondary, kept)))

    # --- what they share ------------------------------------------------------------------------------------

    def _finish(self, scores: Floats, ok: Mask) -> Floats:
        scores = scores + self._state.counted
        if not self._real:
            scores += self._state.reserve.now()
        scores[~np.broadcast_to(ok, scores.shape)] = np.inf
        return scores

    def _elsewhere(self, scores: Floats) -> Floats:
        """Without the nodes that have the instance already."""
        scores[self._rows, self._primary] = np.inf
        mirrored = np.flatnonzero(self._secondary != NO_NODE)
        scores[mirrored, self._secondary[mirrored]] = np.inf
        return scores

    @cached_property
    def _primary_lines(self) -> Floats:
        return self._state.primary_lines.after(self._chunk, self._primary)

    @cached_property
    def _primary_to_secondary(self) -> Floats:
        moved: Floats = self._primary_lines[self._rows, self._secondary]
        return moved

    @cached_property
    def _mirror_moves(self) -> Floats:
        return self._state.mirrored_lines.after(self._chunk, self._secondary)

    @cached_property
    def _primary_disk_moves(self) -> Floats:
        return self._state.mirrored_lines.after(self._chunk, self._primary)

    @cached_property
    def _held(self) -> Floats:
        held: Floats = self._state.fleet.held_memory[self._chunk]
        return held

    @cached_property
    def _left_at_primary(self) -> Floats:
        left: Floats = self._state.risk.free[self._primary] + self._held
        return left

    @cached_property
    def _without(self) -> Floats:
        return self._state.reserve.without(self._chunk)

    @cached_property
    def _fails_without(self) -> Mask:
        fails: Mask = self._without >= self._state.risk.free[self._secondary]
        return fails

    @cached_property
    def _fails_staying(self) -> Mask:
        """Whether the primary fails once it has been touched; see ``Occupancy.fails_n1``."""
        fails: Mask = self._state.reserve.reserved[self._primary] >= self._state.risk.free[self._primary]
        return fails

    @cached_property
    def _fails_when_left(self) -> Mask:
        fails: Mask = self._state.reserve.reserved[self._primary] >= self._left_at_primary
        return fails

    @cached_property
    def _fails_as_primary(self) -> Mask:
        fails: Mask = self._without >= self._state.risk.free[self._secondary] - self._held
        return fails

    @cached_property
    def _fails_with_primary(self) -> Mask:
        risk, reserve = self._state.risk, self._state.reserve
        fails: Mask = reserve.reserved >= risk.free - self._held[:, None]
        return fails

    @cached_property
    def _met(self) -> Floats | None:
        return self._state.neighbourhood.met(self._chunk) if self._state.neighbourhood.excludes else None

    @cached_property
    def _tags(self) -> Floats | float:
        return 0.0 if self._met is None else self._state.neighbourhood.tag_score(self._chunk, self._met)

    def _tags_at(self, nodes: Ints) -> Floats | float:
        return self._tags if isinstance(self._tags, float) else self._tags[self._rows, nodes][:, None]

    def _located(self, primary: Ints | None, secondary: Ints | None) -> Floats | float:
        """Change of the score by places."""
        neighbourhood = self._state.neighbourhood
        if not neighbourhood.located:
            return 0.0
        before = neighbourhood.location(self._chunk, self._primary, self._secondary)
        after: Floats = neighbourhood.location(self._chunk, primary, secondary) - before
        return after

    @cached_property
    def _primary_at_secondary(self) -> Mask:
        """Whether the secondary can become the primary."""
        state, secondary = self._state, self._secondary
        hard = state.room.primary_hard(self._chunk, secondary, back=True)
        soft = state.room.primary_soft(self._chunk, secondary, back=True)
        if self._met is not None:
            soft &= self._met[self._rows, secondary] == 0
        if self._real:
            soft &= ~self._fails_as_primary | self._fails_without
        return hard & (soft | self._hasty)

    def _primary_at_all(self, free: Mask) -> Mask:
        """Whether each node can become the primary; no soft limit counts for those that are ``free`` of them."""
        if free.all():
            return self._primary_hard.copy()
        return self._primary_hard & (self._primary_soft | free[:, None])

    @cached_property
    def _primary_hard(self) -> Mask:
        return self._state.room.primary_hard(self._chunk, ALL)

    @cached_property
    def _primary_soft(self) -> Mask:
        soft = self._state.room.primary_soft(self._chunk, ALL)
        if self._met is not None:
            soft &= self._met == 0
        if self._real:
            soft &= self._state.risk.takes_primary(self._held)
        return soft

    def _secondary_at_all(self, joined: Floats, free: Mask) -> Mask:
        """Whether each node can become the secondary and then reserves what ``joined`` says."""
        if free.all():
            return self._secondary_hard
        soft = self._secondary_soft
        if self._real:
            soft = soft & self._state.risk.takes_secondary(joined)
        return self._secondary_hard & (soft | free[:, None])

    @cached_property
    def _secondary_hard(self) -> Mask:
        return self._state.room.secondary_hard(self._chunk, ALL)

    @cached_property
    def _secondary_soft(self) -> Mask:
        return self._state.room.secondary_soft(self._chunk, ALL)

    def _stays(self) -> Mask:
        """Whether the primary can stay where it is: it has to fit there anew."""
        stays: Mask = self._state.room.primary_stays(self._chunk) | self._from_offline
        return stays

    def _migrates(self, source: Ints, target: Ints) -> Mask:
        allowed = self._state.neighbourhood.migration
        return np.ones(len(source), dtype=bool) if allowed is None else allowed[source, target]

    def _migrates_to_all(self, source: Ints) -> Mask:
        allowed = self._state.neighbourhood.migration
        return np.ones((len(source), 1), dtype=bool) if allowed is None else allowed[source]
