# SPDX-License-Identifier: BSD-2-Clause
"""The best single move, and moves until none helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np

from ganeti.placement import score
from ganeti.placement.balance.evaluation import Evaluation
from ganeti.placement.balance.fleet import Fleet, Ints, Mask
from ganeti.placement.balance.move import Move, MoveKind, Step
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.balance.prospects import Prospects, Scores
from ganeti.placement.demand import Floats
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE, Snapshot, Template
from ganeti.placement.tags import TagRules

_CHUNK = 128  # instances whose matrices together fit into the processor's cache
_EXACT = 150_000  # instances times nodes, up to which every step examines every move
_LEAST = 1e-9  # smaller gains are rounding errors


class Balance:
    """The instances of a group, whose primary and secondary nodes are all in the snapshot.

    Small groups are searched completely at each step. In large ones the gains that a step finds are remembered:
    instances are examined in that order until the best gain found exceeds the remembered gains of the rest. These may
    have grown meanwhile, so that a step may not be the very best one, but one is found as long as there is any.
    """

    def __init__(self, snapshot: Snapshot, options: BalanceOptions | None = None, tags: TagRules | None = None) -> None:
        self._snapshot = snapshot
        self.options = options or BalanceOptions()
        self.occupancy = Occupancy(snapshot, tags)
        self.fleet = Fleet(snapshot.instances, self.occupancy.demands)
        self._evaluation = Evaluation(snapshot, self.occupancy, self.fleet, self.options)
        self.origin = self.fleet.primary.copy(), self.fleet.secondary.copy()
        self.classes = self._movable()
        self._promised: Floats = np.full(len(snapshot.instances), np.inf)
        self._exact = len(snapshot.instances) * len(snapshot.nodes) <= _EXACT

    def copy(self) -> Balance:
        """An independent copy of the present state."""
        return Balance(self.snapshot, self.options, self.occupancy.neighbours.rules)

    @property
    def snapshot(self) -> Snapshot:
        """The cluster with the present places of instances."""
        places = zip(self._snapshot.instances, self.fleet.primary.tolist(), self.fleet.secondary.tolist(), strict=True)
        return self._snapshot.with_instances(instance.at(primary, secondary) for instance, primary, secondary in places)

    def score(self) -> float:
        return score.score(self.occupancy)

    def best(self) -> Step | None:
        """The move that leads to the lowest score; None if none lowers it."""
        if not self.classes:
            return None
        now = self.score()
        self._evaluation.look()
        best: Step | None = None
        for indices in self._in_order():
            ahead = now - best.score if best else _LEAST
            if not self._exact and ahead >= np.max(self._promised[indices]):
                continue
            found = self._best_of(indices, now)
            if found and (best is None or found.score < best.score):
                best = found
        return best if best and best.score < now - _LEAST else None

    def kinds(self, indices: Ints) -> tuple[MoveKind, ...]:
        """The kinds of moves allowed for instances of one of the ``classes``."""
        options = self.options
        if self._snapshot.instances[indices[0]].template is not Template.DRBD:
            return (MoveKind.ANYWHERE,) if options.instance_moves else ()
        failover = (MoveKind.FAILOVER,) if options.instance_moves else ()
        replace = (MoveKind.REPLACE_SECONDARY,) if options.disk_moves else ()
        both: tuple[MoveKind, ...] = ()
        if failover and replace:
            both = (MoveKind.FAILOVER_AND_REPLACE, MoveKind.REPLACE_AND_FAILOVER)
            both += () if options.restricted_migration else (MoveKind.REPLACE_PRIMARY,)
        return failover + replace + both

    @property
    def migration(self) -> Mask | None:
        """Whether instances can migrate from a node (row) to another (column); None: always."""
        return self._evaluation.neighbourhood.migration

    def look(self) -> Evaluation:
        """The present state."""
        self._evaluation.look()
        return self._evaluation

    def prospects(self, indices: Ints, kinds: Sequence[MoveKind] | None = None) -> Iterator[Scores]:
        """Moves of instances of one of the ``classes``, rated in the present state; of all kinds if None."""
        self.look()
        return self._judged(indices, self.kinds(indices) if kinds is None else kinds)

    def _judged(self, indices: Ints, kinds: Sequence[MoveKind]) -> Iterator[Scores]:
        prospects = Prospects(self._evaluation, indices)
        return (prospects.of_kind(kind) for kind in kinds)

    def carry_out(self, step: Step) -> Step:
        """Make a step; returns it with the resulting score."""
        self.make(step.move)
        return msgspec.structs.replace(step, score=self.score())

    def make(self, move: Move) -> None:
        """Carry a move out."""
        before = self.places(move.instance)
        self.put(move.instance, *move.nodes_after(*before))
        self._forget(move.touches(*before))

    def put(self, index: int, primary: int, secondary: int) -> None:
        """Put an instance on other nodes, whether or not that is allowed."""
        instance, before = self._snapshot.instances[index], self.places(index)
        self.occupancy.remove(instance.at(*before))
        self.occupancy.add(instance.at(primary, secondary))
        self.fleet.primary[index], self.fleet.secondary[index] = primary, secondary

    def _forget(self, nodes: frozenset[int]) -> None:
        """Forget the remembered gains of instances on these nodes."""
        touched = list(nodes)
        self._promised[np.isin(self.fleet.primary, touched) | np.isin(self.fleet.secondary, touched)] = np.inf

    def places(self, instance: int) -> tuple[int, int]:
        return int(self.fleet.primary[instance]), int(self.fleet.secondary[instance])

    def _movable(self) -> list[Ints]:
        """The movable instances, grouped by the moves that are possible."""
        options, classes = self.options, dict[tuple[bool, bool], list[int]]()
        for index, instance in enumerate(self._snapshot.instances):
            mirrored = instance.template is Template.DRBD and instance.secondary != NO_NODE
            chosen = options.only is None or instance.name in options.only
            if not (instance.auto_balance and chosen) or instance.name in options.never:
                continue
            if options.evacuate and not any(self._snapshot.nodes[node].offline for node in instance.nodes):
                continue
            if mirrored or instance.template.moves_anywhere:
                classes.setdefault((mirrored, instance.forthcoming), []).append(index)
        return [np.array(indices, dtype=np.intp) for indices in classes.values()]

    def _in_order(self) -> Iterator[Ints]:
        """Chunks of instances, those with the largest remembered gains first."""
        for indices in self.classes:
            ordered = indices if self._exact else indices[np.argsort(-self._promised[indices], kind="stable")]
            for start in range(0, len(ordered), _CHUNK):
                yield ordered[start : start + _CHUNK]

    def _best_of(self, indices: Ints, now: float) -> Step | None:
        """The best move of some instances; remembers the gain of each."""
        lowest, best = np.full(len(indices), np.inf), None
        for scores in self._judged(indices, self.kinds(indices)):
            np.minimum(lowest, scores.scores.min(axis=1), out=lowest)
            best = self._better(best, indices, scores)
        self._promised[indices] = now - lowest
        return best

    def _better(self, best: Step | None, indices: Ints, scores: Scores) -> Step | None:
        place = int(np.argmin(scores.scores))
        row, target = divmod(place, scores.scores.shape[1])
        value = float(scores.scores[row, target])
        if value >= (best.score if best else np.inf):
            return best
        instance = int(indices[row])
        move = Move(instance, scores.kind, NO_NODE if scores.kind is MoveKind.FAILOVER else target)
        before = self.places(instance)
        return Step(move, before, move.nodes_after(*before), value)


def descend(balance: Balance, enough: Callable[[float, float], bool], limit: int | None = None) -> Iterable[Step]:
    """Make the best moves one after the other, at most ``limit``, until none helps.

    ``enough(score before, score after)``: True if a step is not worth it, which ends the search.
    """
    now, made = balance.score(), 0
    while limit is None or made < limit:
        step = balance.best()
        if step is None or enough(now, step.score):
            return
        done = balance.carry_out(step)
        made, now = made + 1, done.score
        yield done
