# SPDX-License-Identifier: BSD-2-Clause
"""Random candidates of a search."""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.exchanges import Exchanges
from ganeti.placement.balance.fleet import Ints, Mask
from ganeti.placement.balance.origin import Origin
from ganeti.placement.snapshot import NO_NODE

_PAIRS = 0.8  # of the candidates: two instances swap places
_HOME, _TURNED = 0.1, 0.1  # of the others: back to the start, primary and secondary swap roles


class Drawing:
    def __init__(self, balance: Balance, origin: Origin, random: np.random.Generator) -> None:
        self._fleet = balance.fleet
        self._origin = origin
        self._random = random
        self._online = np.append(balance.occupancy.online, [True])  # the last one: NO_NODE
        self._nodes = np.flatnonzero(balance.occupancy.online)
        movable = np.concatenate(balance.classes or [self._nodes[:0]])
        if balance.occupancy.equipment.exclusive.any():
            movable = movable[~balance.fleet.unknown_spindles[movable]]
        self._movable = movable

    def __bool__(self) -> bool:
        """Whether there is anything to draw."""
        return bool(len(self._movable) and len(self._nodes))

    def draw(self, count: int) -> Exchanges:
        """Candidates that the options allow: up to ``count``."""
        pairs = int(count * _PAIRS)
        table = np.empty((5, 2, count), dtype=np.intp)
        table[0] = instances = self._some(self._movable, (2, count))
        table[1] = table[3] = self._fleet.primary[instances]
        table[2] = table[4] = self._fleet.secondary[instances]
        self._change_places(table[3:, :, :pairs])
        self._move(instances[0, pairs:], table[3:, 0, pairs:])
        drawn = Exchanges(table)
        return drawn.only(np.flatnonzero(self._possible(drawn)))

    def _change_places(self, places: Ints) -> None:
        """Swap one node of the first for one of the second; ``places[role, first or second, candidate]``."""
        mirrored = places[1] != NO_NODE
        role = (self._random.random(mirrored.shape) < 0.5) & mirrored
        each = np.arange(places.shape[2])
        given, taken = role.astype(np.intp)
        mine, other = places[given, 0, each], places[taken, 1, each]
        places[given, 0, each], places[taken, 1, each] = other, mine

    def _move(self, instances: Ints, places: Ints) -> None:
        """To any node, back to the start, or with swapped roles; ``places[role, candidate]``."""
        primary, secondary = places.copy()
        target = self._some(self._nodes, len(instances))
        mirrored = secondary != NO_NODE
        turned, replaced = (self._random.random((2, len(instances))) < 0.5) & mirrored  # roles, and which of them moves
        places[0] = np.where(replaced, np.where(turned, secondary, primary), target)
        places[1] = np.where(replaced, target, np.where(turned, primary, secondary))
        special = self._random.random(len(instances))
        only_turned = (special < _TURNED) & mirrored
        places[:, only_turned] = secondary[only_turned], primary[only_turned]
        home = special > 1 - _HOME
        places[:, home] = self._origin.primary[instances[home]], self._origin.secondary[instances[home]]

    def _possible(self, drawn: Exchanges) -> Mask:
        moves = (drawn.new_primary != drawn.primary) | (drawn.new_secondary != drawn.secondary)
        allowed = self._origin.reaches(drawn.instances, drawn.new_primary, drawn.new_secondary)
        allowed &= self._online[drawn.new_primary] & self._online[drawn.new_secondary]
        another = drawn.instances[0] != drawn.instances[1]
        possible: Mask = (allowed | ~moves).all(axis=0) & moves.any(axis=0) & another
        return possible

    def _some(self, population: Ints, shape: int | tuple[int, ...]) -> Ints:
        return population[self._random.integers(len(population), size=shape)]
