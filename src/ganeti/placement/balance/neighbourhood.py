# SPDX-License-Identifier: BSD-2-Clause
"""Tags and locations after a move, for a chunk of instances: conflicts, common locations, allowed migrations."""

from __future__ import annotations

import numpy as np

from ganeti.placement.balance.exchanges import Exchanges, Transfer
from ganeti.placement.balance.fleet import Fleet, Ints
from ganeti.placement.demand import Floats
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import WEIGHTS
from ganeti.placement.snapshot import NO_NODE, Snapshot

_TAGS = WEIGHTS["pri_tags_score"]
_LOCATION = WEIGHTS["location_score"]
_EXCLUSION = WEIGHTS["location_exclusion_score"]


class Neighbourhood:
    """``excludes`` is whether any instance has an exclusion tag, ``located`` whether any node has a location."""

    def __init__(self, snapshot: Snapshot, occupancy: Occupancy, fleet: Fleet) -> None:
        rules = occupancy.neighbours.rules
        self._fleet = fleet
        self._neighbours = occupancy.neighbours
        self._online = occupancy.online
        tags = [rules.excluded(instance) for instance in snapshot.instances]
        names = {tag: place for place, tag in enumerate(sorted(frozenset().union(*tags)))}
        self._tags = np.zeros((len(tags), len(names)))
        for instance, excluded in enumerate(tags):
            self._tags[instance, [names[tag] for tag in excluded]] = 1
        self._names = tuple(names)
        self.excludes = bool(names)
        self.located = bool(occupancy.neighbours.located.size) or bool(rules.desired)
        self._missed = self._missing(snapshot)
        self.migration = self._neighbours.migration(snapshot)

    def _missing(self, snapshot: Snapshot) -> Floats | None:
        if not self._neighbours.rules.desired:
            return None
        return np.array([self._neighbours.missed(instance) for instance in snapshot.instances])

    def look(self) -> None:
        """Take the present counts."""
        nodes = len(self._online)
        self._on_node = np.array([self._neighbours.on_node[tag] for tag in self._names]).reshape(-1, nodes)

    def met(self, chunk: Ints) -> Floats:
        """How many of its exclusion tags each instance meets on each node, not counting itself."""
        own = np.arange(len(chunk)), self._fleet.primary[chunk]
        met: Floats = self._tags[chunk] @ (self._on_node > 0)
        met[own] = (self._tags[chunk] * (self._on_node[:, own[1]].T > 1)).sum(axis=1)
        return met

    def tag_score(self, chunk: Ints, met: Floats) -> Floats:
        """Change of the score when the primary becomes each node."""
        primary = self._fleet.primary[chunk]
        weighed = _TAGS * (met * self._online)
        change: Floats = weighed - weighed[np.arange(len(chunk)), primary][:, None]
        if self._neighbours.located.size:
            change += _EXCLUSION * self._location_exclusion(chunk)
        return change

    def _location_exclusion(self, chunk: Ints) -> Floats:
        """Change of the number of instances that share a tag and a location, by new primary."""
        located = self._neighbours.located * self._online[:, None]
        worth = np.zeros((len(chunk), located.shape[1]))
        for place, instance in enumerate(chunk):
            away = located[self._fleet.primary[instance]]
            if not self._fleet.forthcoming[instance]:
                for tag in np.flatnonzero(self._tags[instance]):
                    worth[place] += (self._neighbours.located_with(self._names[tag]) - away) >= 1
        counts: Floats = worth @ located.T
        return counts - counts[np.arange(len(chunk)), self._fleet.primary[chunk]][:, None]

    def exchanged(self, exchanges: Exchanges) -> Floats:
        """Change of the score by tags and locations after each of some exchanges."""
        change = np.zeros(len(exchanges))
        if self.excludes:
            change += self._conflicts_changed(exchanges.of_primaries)
        if self.located:
            real = ~self._fleet.forthcoming[exchanges.instances]
            after = self._misplaced(exchanges.instances, exchanges.new_primary, exchanges.new_secondary)
            before = self._misplaced(exchanges.instances, exchanges.primary, exchanges.secondary)
            change += _LOCATION * ((after - before) * real).sum(axis=0)
        return change

    def _conflicts_changed(self, transfer: Transfer) -> Floats:
        source, target = transfer.source, transfer.target
        amount = transfer.amount(self._tags.T)
        change = _TAGS * (
            _beyond_first(self._on_node[:, target], amount) * self._online[target]
            + _beyond_first(self._on_node[:, source], -amount) * self._online[source]
        )
        located = self._neighbours.located * self._online[:, None]
        if located.size:
            counts = np.array([self._neighbours.located_with(tag) for tag in self._names])
            real = self._tags * ~self._fleet.forthcoming[:, None]
            moved = transfer.amount(real.T)[:, :, None] * (located[target] - located[source])
            change += _EXCLUSION * _beyond_first(counts[:, None, :], moved).sum(axis=2)
        result: Floats = change.sum(axis=0)
        return result

    def _misplaced(self, instances: Ints, primary: Ints, secondary: Ints) -> Floats:
        found = self._neighbours.shared[primary, secondary] * (secondary != NO_NODE)
        if self._missed is not None:
            found = found + self._missed[instances, primary]
        misplaced: Floats = found * self._online[primary]
        return misplaced

    def location(self, chunk: Ints, primary: Ints | None, secondary: Ints | None) -> Floats:
        """Weighted misplacement of each instance, by node where ``primary`` or ``secondary`` is None.

        Forthcoming instances do not count, nor do those whose primary is offline.
        """
        shared, real = self._neighbours.shared, ~self._fleet.forthcoming[chunk]
        if secondary is None:
            found = shared[primary]
        elif primary is None:
            found = shared[secondary] * (secondary >= 0)[:, None]
        else:
            found = (shared[primary, secondary] * (secondary >= 0))[:, None]
        if self._missed is not None:
            missed = self._missed[chunk]
            found = found + (missed if primary is None else missed[np.arange(len(chunk)), primary][:, None])
        counted = self._online[None, :] if primary is None else self._online[primary][:, None]
        return _LOCATION * (found * counted * real[:, None])


def _beyond_first(counts: Floats, change: Floats) -> Floats:
    """The change of the number of instances beyond the first."""
    beyond: Floats = np.maximum(counts + change - 1, 0) - np.maximum(counts - 1, 0)
    return beyond
