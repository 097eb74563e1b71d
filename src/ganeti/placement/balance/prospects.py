# SPDX-License-Identifier: BSD-2-Clause
"""The score after every possible move of some instances."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.chunk import Chunk
from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.fleet import Ints
from ganeti.placement.balance.move import MoveKind
from ganeti.placement.balance.permissions import Permissions
from ganeti.placement.balance.room import ALL
from ganeti.placement.demand import Floats
from ganeti.placement.score import WEIGHTS
from ganeti.placement.snapshot import NO_NODE

_LEAVING = WEIGHTS["offline_all_cnt"]
_LEAVING_PRIMARY = WEIGHTS["offline_all_cnt"] + WEIGHTS["offline_pri_cnt"]


class Scores(Struct, frozen=True):
    """Of one kind of move: a row per instance, a column per target; infinite where it is impossible.

    A failover, which has no target, is one column.
    """

    kind: MoveKind
    scores: Floats


class Prospects:
    """Moves of the instances of a chunk: which are allowed, and the group's score after each."""

    def __init__(self, evaluation: Evaluation, instances: Ints) -> None:
        self._state = evaluation
        self._chunk = Chunk(evaluation, instances)
        self._permissions = Permissions(evaluation, self._chunk)

    def of_kind(self, kind: MoveKind) -> Scores:
        """A kind of move that the instances and the options allow (``Balance.kinds``)."""
        score = {
            MoveKind.FAILOVER: self._failover,
            MoveKind.REPLACE_SECONDARY: self._replace_secondary,
            MoveKind.FAILOVER_AND_REPLACE: self._failover_and_replace,
            MoveKind.REPLACE_AND_FAILOVER: self._replace_and_failover,
            MoveKind.REPLACE_PRIMARY: self._replace_primary,
            MoveKind.ANYWHERE: self._go_anywhere,
        }
        scores = score[kind]() + self._state.counted
        if not self._chunk.real:
            scores += self._state.reserve.now()
        scores[~np.broadcast_to(self._permissions.of_kind(kind), scores.shape)] = np.inf
        return Scores(kind, scores)

    # --- the kinds of moves ---------------------------------------------------------------------------------

    def _failover(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._primary_to_secondary + state.mirrored_lines.now()
        scores = scores[:, None] + self._tags_at(chunk.secondary) + self._located(chunk.secondary, chunk.primary)
        scores = scores - ((_LEAVING_PRIMARY - _LEAVING) * chunk.primary_offline * chunk.real)[:, None]
        if chunk.real:
            scores = (
                scores
                + state.reserve.score((chunk.secondary, chunk.without), (chunk.primary, chunk.exchanged))
                + state.risk.score(
                    (chunk.secondary, 0, chunk.fails_as_primary), (chunk.primary, 0, chunk.fails_exchanged)
                )
            )
        return scores

    def _replace_secondary(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._mirror_moves + state.primary_lines.now() + self._located(chunk.primary, None)
        scores -= (_LEAVING * chunk.secondary_offline * chunk.real)[:, None]
        if chunk.real:
            joined = chunk.joined_to_primary
            scores += state.reserve.score((chunk.secondary, chunk.without), (ALL, joined))
            scores += state.risk.score(
                (chunk.primary, 0, chunk.fails_staying),
                (chunk.secondary, -1, chunk.fails_without),
                (ALL, 1, joined >= state.risk.free),
            )
        return scores

    def _failover_and_replace(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._primary_disk_moves + self._primary_to_secondary[:, None]
        scores += self._tags_at(chunk.secondary) + self._located(chunk.secondary, None)
        scores -= (_LEAVING_PRIMARY * chunk.primary_offline * chunk.real)[:, None]
        if chunk.real:
            joined = chunk.joined_to_secondary
            scores += state.reserve.score((chunk.secondary, chunk.without), (ALL, joined))
            scores += state.risk.score(
                (chunk.primary, -1, chunk.fails_when_left),
                (chunk.secondary, 0, chunk.fails_as_primary),
                (ALL, 1, joined >= state.risk.free),
            )
        return scores

    def _replace_and_failover(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._mirror_moves + self._primary_lines + self._tags + self._located(None, chunk.primary)
        scores -= ((_LEAVING_PRIMARY - _LEAVING) * chunk.primary_offline * chunk.real)[:, None]
        scores -= (_LEAVING * chunk.secondary_offline * chunk.real)[:, None]
        if chunk.real:
            scores += state.reserve.score((chunk.secondary, chunk.without), (chunk.primary, chunk.kept_by_primary))
            scores += state.risk.score(
                (chunk.primary, 0, chunk.fails_kept_by_primary),
                (chunk.secondary, -1, chunk.fails_without),
                (ALL, 1, chunk.fails_with_primary),
            )
        return scores

    def _replace_primary(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._primary_disk_moves + self._primary_lines + self._tags + self._located(None, chunk.secondary)
        scores -= (_LEAVING_PRIMARY * chunk.primary_offline * chunk.real)[:, None]
        if chunk.real:
            scores += state.reserve.score((chunk.secondary, chunk.kept_by_secondary))
            scores += state.risk.score(
                (chunk.primary, -1, chunk.fails_when_left),
                (chunk.secondary, 0, chunk.fails_kept_by_secondary),
                (ALL, 1, chunk.fails_with_primary),
            )
        return scores

    def _go_anywhere(self) -> Floats:
        state, chunk = self._state, self._chunk
        scores = self._primary_disk_moves + self._primary_lines + self._tags + self._located(None, chunk.secondary)
        scores -= (_LEAVING_PRIMARY * chunk.primary_offline * chunk.real)[:, None]
        if chunk.real:
            scores += self._reserve_for_all()
            scores += state.risk.score((chunk.primary, -1, chunk.fails_when_left), (ALL, 1, chunk.fails_with_primary))
        return scores

    # --- what they share ------------------------------------------------------------------------------------

    def _reserve_for_all(self) -> Floats | float:
        """The term of the reserved memory with each node as the primary, where secondaries stay."""
        reserve, chunk = self._state.reserve, self._chunk
        alone = chunk.secondary == NO_NODE
        if alone.all():
            return reserve.now()
        return np.where(alone[:, None], reserve.now(), reserve.score((chunk.secondary, chunk.kept_by_secondary)))

    @cached_property
    def _primary_lines(self) -> Floats:
        return self._state.primary_lines.after(self._chunk.instances, self._chunk.primary)

    @cached_property
    def _primary_to_secondary(self) -> Floats:
        moved: Floats = self._primary_lines[self._chunk.rows, self._chunk.secondary]
        return moved

    @cached_property
    def _mirror_moves(self) -> Floats:
        return self._state.mirrored_lines.after(self._chunk.instances, self._chunk.secondary)

    @cached_property
    def _primary_disk_moves(self) -> Floats:
        return self._state.mirrored_lines.after(self._chunk.instances, self._chunk.primary)

    @cached_property
    def _tags(self) -> Floats | float:
        chunk = self._chunk
        return 0.0 if chunk.met is None else self._state.neighbourhood.tag_score(chunk.instances, chunk.met)

    def _tags_at(self, nodes: Ints) -> Floats | float:
        return self._tags if isinstance(self._tags, float) else self._tags[self._chunk.rows, nodes][:, None]

    def _located(self, primary: Ints | None, secondary: Ints | None) -> Floats | float:
        """Change of the score by locations."""
        neighbourhood, chunk = self._state.neighbourhood, self._chunk
        if not neighbourhood.located:
            return 0.0
        before = neighbourhood.location(chunk.instances, chunk.primary, chunk.secondary)
        after: Floats = neighbourhood.location(chunk.instances, primary, secondary) - before
        return after
