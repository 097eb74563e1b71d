# SPDX-License-Identifier: BSD-2-Clause
"""Looking for the best final state: simulated annealing with moves and exchanges, many candidates at a time.

Each round draws random candidates and rates them all at once; the best are likely to be made, or none if all
make things much worse: a heat bath. How much worse they may make it decreases as time runs out. No instance ends
further from its start than one move. A price for each move limits their number.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.drawing import Drawing
from ganeti.placement.balance.estimate import Estimate
from ganeti.placement.balance.exchanges import Exchanges
from ganeti.placement.balance.fleet import Ints
from ganeti.placement.balance.origin import Origin
from ganeti.placement.balance.watch import Watch
from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import NO_NODE

_CANDIDATES = 2048  # of a round
_PROMISING = 64  # of these are rated completely
_NODES_EACH = 8  # nodes of the group per candidate that a round may make
_HOT, _COLD = 0.002, 0.0002  # temperature (as a difference of scores), first and last
_FREE = 1e-4  # price of a move where their number is not limited, so that no useless ones are made
_CHEAP, _USUAL, _DEAR = 0.001, 0.02, 50.0  # minimum, initial and maximum price where it is limited
_DEARER = 1.003  # factor per round
_SHOW = 100  # rounds between two progress reports
_LEAST = 1e-9  # smaller gains are rounding errors


class Arrangement(Struct, frozen=True):
    """The places of the instances, and their score."""

    primary: Ints
    secondary: Ints
    score: float

    @classmethod
    def at(cls, balance: Balance, score: float) -> Arrangement:
        """The present arrangement."""
        return cls(balance.fleet.primary.copy(), balance.fleet.secondary.copy(), score)


class Annealing:
    """``limit``: how many instances may be away from their original places."""

    def __init__(self, balance: Balance, limit: int | None, random: np.random.Generator, watch: Watch) -> None:
        self._balance = balance
        self._limit = limit
        self._random = random
        self._watch = watch
        self._origin = Origin(balance)
        self._drawing = Drawing(balance, self._origin, random)
        self._estimate = Estimate(balance.look())
        self._price = _FREE if limit is None else _USUAL
        fleet = balance.fleet
        self._away = int(self._origin.away(np.arange(len(fleet.primary)), fleet.primary, fleet.secondary).sum())

    def start_from(self, arrangement: Arrangement) -> None:
        """Start from another state."""
        for instance, places in enumerate(
            zip(arrangement.primary.tolist(), arrangement.secondary.tolist(), strict=True)
        ):
            self._put(instance, *places)

    def run(self) -> Arrangement:
        """The best state found within the limit, when the time is up; the initial one if there is none."""
        allowed = self._watch.left()
        best, best_cost, rounds = Arrangement.at(self._balance, self._balance.look().score()), np.inf, 0
        while self._drawing and (left := self._watch.left()) > 0:
            score = self._balance.look().score()
            cost = np.inf if self._too_many() else score + self._least_price * self._away
            if cost < best_cost - _LEAST:
                best, best_cost = Arrangement.at(self._balance, score), cost
            self._round(_COLD * (_HOT / _COLD) ** (left / allowed))
            self._adapt_price()
            rounds += 1
            if rounds % _SHOW == 0:
                self._watch.show(best.score)
        return best

    @property
    def _least_price(self) -> float:
        return _FREE if self._limit is None else 0.0

    def _too_many(self) -> bool:
        return self._limit is not None and self._away > self._limit

    def _adapt_price(self) -> None:
        """Raise the price of moves while there are too many of them."""
        if self._limit is not None:
            changed = self._price * _DEARER if self._too_many() else self._price / _DEARER
            self._price = min(max(changed, _CHEAP), _DEAR)

    def _round(self, temperature: float) -> None:
        """Make some of the candidates, no two of which share a node."""
        drawn = self._drawing.draw(_CANDIDATES)
        cost = (self._estimate.spread(drawn) + self._price * self._moves(drawn)) / temperature
        cost -= self._random.gumbel(size=len(cost))
        if len(cost) > _PROMISING:
            promising = np.argpartition(cost, _PROMISING)[:_PROMISING]
            drawn, cost = drawn.only(promising), cost[promising]
        cost += self._estimate.reserve(drawn) / temperature
        nothing = -float(self._random.gumbel())
        better = [int(place) for place in np.argsort(cost) if cost[place] < nothing]
        self._make(drawn, better)

    def _make(self, drawn: Exchanges, chosen: list[int]) -> None:
        nodes, taken = drawn.nodes, set[int]()
        most = max(len(self._balance.occupancy.online) // _NODES_EACH, 1)
        for place in chosen:
            touched = set(nodes[:, place].tolist()) - {NO_NODE}
            if not touched & taken:
                taken |= touched
                for row in range(2):
                    self._put(
                        int(drawn.instances[row, place]),
                        int(drawn.new_primary[row, place]),
                        int(drawn.new_secondary[row, place]),
                    )
                most -= 1
                if not most:
                    return

    def _moves(self, drawn: Exchanges) -> Floats:
        """By how many more moves each candidate differs from the start."""
        after = self._origin.away(drawn.instances, drawn.new_primary, drawn.new_secondary)
        before = self._origin.away(drawn.instances, drawn.primary, drawn.secondary)
        moves: Floats = (after.astype(float) - before).sum(axis=0)
        return moves

    def _put(self, instance: int, primary: int, secondary: int) -> None:
        before = self._balance.places(instance)
        if before != (primary, secondary):
            self._balance.put(instance, primary, secondary)
            self._away += self._is_away(instance, primary, secondary) - self._is_away(instance, *before)

    def _is_away(self, instance: int, primary: int, secondary: int) -> bool:
        origin = self._origin
        return (primary, secondary) != (origin.primary[instance], origin.secondary[instance])
