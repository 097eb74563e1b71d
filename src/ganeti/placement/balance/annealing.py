# SPDX-License-Identifier: BSD-2-Clause
"""Looking for the best final state: simulated annealing over whole neighbourhoods.

Each round takes some instances at random, judges all their moves at once and picks one by chance, better ones
far more likely than worse ones; as what one instance takes on a node mostly has to be given by another, more
moves on the same nodes follow. The chain is kept if it ends well, with less and less tolerance as time runs
out. No instance ends with both of its nodes changed: every difference to the start is one move. A price for
each move keeps their number down.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.fleet import Ints
from ganeti.placement.balance.move import Kind, Move, after_move
from ganeti.placement.balance.prospects import Scores
from ganeti.placement.balance.watch import Watch
from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE

_SAMPLE = 32  # instances looked at for a move
_KINDS = 3  # kinds of moves that are looked at for each but the first
_CHAIN = 4  # moves that may follow from one another before the first is given up
_FIRST, _NEXT = 0.1, 0.003  # differences of score that hardly matter for the first move of a chain and the next
# By how much a chain may make things worse: at first, at first where a good state is to be made better, at last.
_HOT, _WARM, _COLD = 0.012, 0.004, 0.0004
_FREE = 1e-4  # what a move costs where their number is not limited, so that none is made for nothing
_CHEAP, _USUAL, _DEAR = 0.003, 0.02, 0.15  # what it may cost where it is, and at first


class Found(Struct, frozen=True):
    """Where the instances are in the best state found, and its score."""

    primary: Ints
    secondary: Ints
    score: float


class Annealing:
    """``limit`` is how many instances may move."""

    def __init__(self, balance: Balance, limit: int | None, random: np.random.Generator, watch: Watch) -> None:
        self._balance = balance
        self._limit = limit
        self._random = random
        self._watch = watch
        self._primary, self._secondary = balance.origin
        self._score = balance.score()
        self._price = _FREE if limit is None else _USUAL
        self._hot = _HOT
        self._moved = self._distance(balance.fleet.primary, balance.fleet.secondary)

    def start_from(self, found: Found, *, warm: bool) -> None:
        """Begin at another state; ``warm``: less hot, because it is good already."""
        for instance, places in enumerate(zip(found.primary.tolist(), found.secondary.tolist(), strict=True)):
            if self._balance.places(instance) != places:
                self._put(instance, *places)
        self._score = self._balance.score()
        self._hot = _WARM if warm else _HOT

    def run(self) -> Found:
        """The best state found that fits the limit, when the time is up."""
        allowed, now = self._watch.left(), self._balance.score()
        best = self._state(now)
        best_cost = np.inf if self._too_many() else now + self._least_price * self._moved.sum()
        rounds = 0
        while (left := self._watch.left()) > 0:
            self._round(_COLD * (self._hot / _COLD) ** (left / allowed))
            now = self._score
            cost = now + self._least_price * self._moved.sum()
            if cost < best_cost - 1e-12 and not self._too_many():
                best, best_cost = self._state(now), cost
            self._adapt_price()
            rounds += 1
            if rounds % 100 == 0:
                self._score = self._balance.score()
                self._watch.show(best.score)
        return best

    @property
    def _least_price(self) -> float:
        return _FREE if self._limit is None else 0.0

    def _too_many(self) -> bool:
        return self._limit is not None and int(self._moved.sum()) > self._limit

    def _adapt_price(self) -> None:
        """Moves get dearer while there are too many of them."""
        if self._limit is not None:
            self._price = float(np.clip(self._price * (1.03 if self._too_many() else 0.985), _CHEAP, _DEAR))

    def _state(self, score: float) -> Found:
        fleet = self._balance.fleet
        return Found(fleet.primary.copy(), fleet.secondary.copy(), score)

    def _round(self, temperature: float) -> None:
        """A chain of moves, each on the nodes of the one before, that is kept if it ends well enough."""
        start, before = self._cost(), self._score
        bearable = start + temperature * float(self._random.exponential())
        done: list[tuple[int, int, int]] = []
        indices = self._sample()
        for length in range(_CHAIN):
            heat = _FIRST if length == 0 else max(temperature, _NEXT)
            made = self._move_one(indices, heat, one_kind=length == 0)
            if made is None:
                break
            done.append(made)
            if self._cost() <= bearable:
                return
            indices = self._around(made)
        for instance, primary, secondary in reversed(done):
            self._put(instance, primary, secondary)
        self._score = before

    def _cost(self) -> float:
        return self._score + self._price * float(self._moved.sum())

    def _move_one(self, indices: Ints, heat: float, *, one_kind: bool) -> tuple[int, int, int] | None:
        """Make a move by chance; the instance and where it was. None if there is none to make."""
        best, chosen = np.inf, None
        kinds = self._balance.kinds(indices)
        if one_kind:
            kinds = (kinds[int(self._random.integers(len(kinds)))],)
        elif len(kinds) > _KINDS:
            kinds = tuple(kinds[int(kind)] for kind in self._random.permutation(len(kinds))[:_KINDS])
        for found in self._balance.prospects(indices, kinds):
            cost = self._priced(indices, found) / heat
            cost += self._chance(cost.size).reshape(cost.shape)
            place = int(np.argmin(cost))
            if cost.flat[place] < best:
                best, chosen = float(cost.flat[place]), (found, divmod(place, cost.shape[1]))
        if chosen is None:
            return None
        found, (row, target) = chosen
        instance = int(indices[row])
        before = self._balance.places(instance)
        move = Move(instance, found.kind, NO_NODE if found.kind is Kind.FAILOVER else target)
        self._put(instance, *move.nodes_after(*before))
        self._score = float(found.scores[row, target])
        return instance, *before

    def _put(self, instance: int, primary: int, secondary: int) -> None:
        self._balance.put(instance, primary, secondary)
        one = np.array([instance])
        self._moved[instance] = self._distance_of(one, np.array([[primary]]), np.array([[secondary]]))[0, 0]

    def _sample(self) -> Ints:
        classes = self._balance.classes
        sizes = np.array([len(indices) for indices in classes], dtype=float)
        chosen = classes[int(self._random.choice(len(classes), p=sizes / sizes.sum()))]
        return self._random.choice(chosen, min(_SAMPLE, len(chosen)), replace=False)

    def _around(self, made: tuple[int, int, int]) -> Ints:
        """Some of the instances on the nodes of the last move."""
        instance, primary, secondary = made
        nodes = [primary, secondary, *self._balance.places(instance)]
        fleet = self._balance.fleet
        touched = np.zeros(len(self._balance.occupancy.online) + 1, dtype=bool)  # the last: NO_NODE
        touched[nodes] = True
        near = touched[fleet.primary] | touched[fleet.secondary]
        near &= self._random.random(len(near)) < _SAMPLE / max(int(near.sum()), 1)
        near[instance] = False
        groups = [indices[near[indices]] for indices in self._balance.classes]
        groups = [group for group in groups if len(group)]
        if not groups:
            return self._sample()
        return groups[int(self._random.integers(len(groups)))]

    def _chance(self, size: int) -> Floats:
        """Noise: what is less than that worse than the best is chosen now and then."""
        noise: Floats = self._random.random(size)
        return noise

    def _priced(self, indices: Ints, found: Scores) -> Floats:
        """Scores with the price of moves; infinite where an instance would have changed both its nodes."""
        fleet, targets = self._balance.fleet, np.arange(found.scores.shape[1])
        primary, secondary = fleet.primary[indices][:, None], fleet.secondary[indices][:, None]
        after = after_move(found.kind, targets, primary, secondary)
        moved = self._distance_of(indices, *after)
        cost: Floats = found.scores + self._price * (moved - self._moved[indices][:, None])
        cost[moved > 1] = np.inf
        return cost

    def _distance(self, primary: Ints, secondary: Ints) -> Ints:
        everyone = np.arange(len(primary))
        return self._distance_of(everyone, primary[:, None], secondary[:, None])[:, 0]

    def _distance_of(self, indices: Ints, primary: Ints, secondary: Ints) -> Ints:
        """How many moves from the start (2: both nodes differ), for rows of instances."""
        first, second = self._primary[indices][:, None], self._secondary[indices][:, None]
        same = (primary == first) & (secondary == second)
        kept = (primary == first) | (primary == second) | (secondary == first) | (secondary == second)
        return np.where(same, 0, np.where(kept, 1, 2))
