# SPDX-License-Identifier: BSD-2-Clause
"""All the nodes (or pairs of nodes) that an instance could have, rated at once.

An instance changes two nodes at most, so each deviation of the score follows from a sum of squares: with ``y`` the
distance of a node's share from the mean, ``q`` the sum of their squares over ``n`` nodes, and ``a`` and ``b`` what the
instance adds to its two nodes, the variance is ``(q + 2ya + a² + 2yb + b²) / n - ((a + b) / n)²``.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from ganeti.placement import demand
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import USUAL, Limits, spindle_uses
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.equipment import LINES, SPINDLES_OF_DISK, Equipment
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import DEVIATIONS, WEIGHTS, counts
from ganeti.placement.snapshot import NO_NODE, Instance

Nodes = NDArray[np.intp]
Verdicts = NDArray[np.int8]  # of Failure

_RESERVED = len(LINES)  # the last line of Occupancy.shares
_WEIGHT = np.array([WEIGHTS[name] for name in DEVIATIONS])
_ROUNDING = 1e-13  # of a sum of squares
_MANY = 10_000  # pairs of nodes
_SAME = 1e-12  # scores that differ by less are equal, whatever the order of summation


class Choices:
    """Where ``instance``, which ``occupancy`` does not include, could be.

    Arrays have one entry per primary (``primaries``), or a row per primary and a column per
    secondary (``secondaries``). Its present primary is not checked (``keep_primary``).
    """

    def __init__(
        self,
        occupancy: Occupancy,
        instance: Instance,
        primaries: Nodes,
        secondaries: Nodes | None = None,
        limits: Limits = USUAL,
        *,
        keep_primary: bool = False,
    ) -> None:
        self.occupancy = occupancy
        self.instance = instance
        self.primaries = primaries
        self.secondaries = secondaries
        self._limits = limits
        self._keep_primary = keep_primary

    @cached_property
    def verdicts(self) -> Verdicts:
        """The Failure by choice."""
        on_primary = np.zeros(len(self.primaries), dtype=np.int8) if self._keep_primary else self._on_primary()
        if self.secondaries is None:
            return on_primary
        verdicts = np.where(on_primary[:, None] != Failure.NONE, on_primary[:, None], self._on_secondary())
        verdicts[self.primaries[:, None] == self.secondaries] = Failure.NO_CHOICE
        return verdicts

    @cached_property
    def scores(self) -> Floats:
        """The score of the resulting cluster by choice, without terms that all choices have in common."""
        return self._deviations() + self._counts()

    def failures(self) -> Counter[Failure]:
        counts = np.bincount(self.verdicts.reshape(-1) - Failure.NO_CHOICE)[Failure.MEMORY - Failure.NO_CHOICE :]
        return Counter({Failure(value): int(count) for value, count in enumerate(counts, Failure.MEMORY) if count})

    def best(self) -> tuple[int, ...] | None:
        """The choice that results in the best cluster, the last of equals; None if there is none."""
        scores = np.where(self.verdicts == Failure.NONE, self.scores, np.inf)
        if not scores.size or not np.isfinite(scores.min()):
            return None
        last = int(np.flatnonzero(scores <= scores.min() + _SAME)[-1])
        return (last,) if scores.ndim == 1 else divmod(last, scores.shape[1])

    def score(self, choice: tuple[int, ...]) -> float:
        """The score of the resulting cluster."""
        common = sum(WEIGHTS[name] * value for name, value in counts(self.occupancy).items())
        return float(self.scores[choice]) + common

    def placed(self, choice: tuple[int, ...]) -> Instance:
        """The instance on the nodes of a choice."""
        return on_nodes(self.instance, self.nodes(choice))

    def forbid(self, forbidden: NDArray[np.bool_], failure: Failure) -> None:
        """Rule out choices that were possible."""
        self.verdicts = np.where(forbidden & (self.verdicts == Failure.NONE), failure, self.verdicts).astype(np.int8)

    def nodes(self, choice: tuple[int, ...]) -> tuple[int, ...]:
        """The nodes of a choice: the primary, and the secondary if there are any."""
        primary = int(self.primaries[choice[0]])
        return (primary,) if self.secondaries is None else (primary, int(self.secondaries[choice[1]]))

    def _on_primary(self) -> Verdicts:
        equipment, used, nodes = self.occupancy.equipment, self.occupancy.used, self.primaries
        left = self.occupancy.free_memory()[nodes] - self._on_its_primary[Resource.MEMORY]
        checks: list[tuple[NDArray[np.bool_], Failure]] = [(left <= 0, Failure.MEMORY)]
        checks += [(self._lacks_disk[nodes], Failure.DISK), (self._lacks_spindles[nodes], Failure.SPINDLES)]
        if not self._limits.ignore_soft:
            vcpus = used[Resource.VCPUS_ALL] + equipment.node_cpus + self.instance.vcpus
            checks += [
                (self._overuses_spindles[nodes], Failure.DISK),
                (self._breaks_n1[nodes], Failure.MEMORY),
                ((vcpus > self._limits.vcpus(equipment))[nodes], Failure.CPU),
                (self._conflicts[nodes] > 0, Failure.TAGS),
                (self.instance.memory >= self._free_of_all[nodes], Failure.MEMORY),
            ]
        return _first(checks)

    def _on_secondary(self) -> Verdicts:
        assert self.secondaries is not None  # noqa: S101 - the caller's condition
        nodes = self.secondaries
        free = self.occupancy.free_memory()[nodes]
        checks = [(self._lacks_disk[nodes], Failure.DISK), (self._lacks_spindles[nodes], Failure.SPINDLES)]
        if not (self._limits.ignore_soft and self._keep_primary):  # soft if only the mirror moves
            checks += [(self.instance.memory >= free, Failure.MEMORY)]
        if not self._limits.ignore_soft:
            checks += [(self._overuses_spindles[nodes], Failure.DISK)]
            checks += [(self.instance.memory >= self._free_of_all[nodes], Failure.MEMORY)]
        verdicts = np.broadcast_to(_first(checks), (len(self.primaries), len(nodes)))
        if self._limits.ignore_soft:
            return verdicts
        breaks_n1 = (self._reserved_then >= free) & ~self._unhappy[nodes]
        return np.where((verdicts == Failure.NONE) & breaks_n1, Failure.MEMORY, verdicts).astype(np.int8)

    @cached_property
    def _reserved_now(self) -> Floats:
        return self.occupancy.reserved()

    @cached_property
    def _unhappy(self) -> NDArray[np.bool_]:
        """Nodes that fail N+1 already."""
        return self.occupancy.fails_n1()

    @cached_property
    def _free_of_all(self) -> Floats:
        """Free memory of each node, MiB, if stopped instances were running too."""
        free: Floats = self.occupancy.equipment.memory_all - self.occupancy.used[Resource.MEMORY_ALL]
        return free

    @cached_property
    def _on_its_primary(self) -> Floats:
        return np.array(demand.of_primary(self.instance))

    @cached_property
    def _on_its_secondary(self) -> Floats:
        return np.array(demand.of_secondary(self.instance))

    @cached_property
    def _lacks_disk(self) -> NDArray[np.bool_]:
        occupancy, equipment = self.occupancy, self.occupancy.equipment
        if not self.instance.takes_disk:
            return np.zeros(len(occupancy.online), dtype=bool)
        left = equipment.disk - occupancy.used[Resource.DISK_ALL] - self.instance.disk
        lacks: NDArray[np.bool_] = (left <= 0) | (left < np.floor(self._limits.min_disk * equipment.total_disk))
        return lacks

    @cached_property
    def _lacks_spindles(self) -> NDArray[np.bool_]:
        occupancy, equipment = self.occupancy, self.occupancy.equipment
        if not self.instance.template.in_volume_group:
            return np.zeros(len(occupancy.online), dtype=bool)
        wanted = np.inf if self.instance.spindles is None else self.instance.spindles
        left = equipment.spindles - occupancy.used[Resource.SPINDLES_ALL] - wanted
        lacks: NDArray[np.bool_] = equipment.exclusive & (left < 0)
        return lacks

    @cached_property
    def _overuses_spindles(self) -> NDArray[np.bool_]:
        equipment = self.occupancy.equipment
        if not self.instance.takes_disk:
            return np.zeros(len(self.occupancy.online), dtype=bool)
        uses = self.occupancy.used[Resource.SPINDLE_USE_ALL] + self.instance.spindle_use
        overuses: NDArray[np.bool_] = ~equipment.exclusive & (uses > spindle_uses(equipment))
        return overuses

    @cached_property
    def _breaks_n1(self) -> NDArray[np.bool_]:
        """Nodes that do not fail N+1 now, and would if they were the primary. Nothing to spare is a failure too."""
        breaks: NDArray[np.bool_] = self._fails_n1_as_primary & ~self._unhappy
        return breaks

    @cached_property
    def _fails_n1_as_primary(self) -> NDArray[np.bool_]:
        fails: NDArray[np.bool_] = (
            self._reserved_now >= self.occupancy.free_memory() - self._on_its_primary[Resource.MEMORY]
        )
        return fails

    @cached_property
    def _conflicts(self) -> Floats:
        """How many exclusion tags of the instance are on each node already."""
        neighbours = self.occupancy.neighbours
        conflicts = np.zeros(len(self.occupancy.online))
        for tag in neighbours.rules.excluded(self.instance):
            if tag in neighbours.on_node:
                conflicts += neighbours.on_node[tag] > 0
        return conflicts

    @cached_property
    def _location_conflicts(self) -> Floats:
        """The same for the locations of each node."""
        neighbours = self.occupancy.neighbours
        conflicts = np.zeros(len(self.occupancy.online))
        for tag in neighbours.rules.excluded(self.instance):
            if tag in neighbours.at_location:
                conflicts += neighbours.located @ (neighbours.at_location[tag] > 0)
        return conflicts

    @cached_property
    def _reserved_then(self) -> Floats:
        """Memory to be reserved on each secondary, MiB, by primary and secondary."""
        assert self.secondaries is not None  # noqa: S101 - the callers' condition
        peers = self.occupancy.peers[self.secondaries, self.primaries[:, None]]
        grown = peers + demand.reserved_memory(self.instance)
        return np.maximum(self._reserved_now[self.secondaries], grown)

    def _deviations(self) -> Floats:
        """The weighted deviations, by choice."""
        online = self.occupancy.online
        shares, count = self.occupancy.shares(), max(int(online.sum()), 1)
        distance = np.where(online, shares - (shares @ online)[:, None] / count, 0)
        squares = np.square(distance).sum(axis=1)
        added = _added(self.occupancy.equipment, tuple(self._on_its_primary.tolist()))[:, self.primaries]
        grown = 2 * distance[:, self.primaries] * added + added**2
        if self.secondaries is None:
            return _WEIGHT @ _deviation(squares[:, None], grown, added, count)
        mirrored = _added(self.occupancy.equipment, tuple(self._on_its_secondary.tolist()))[:, self.secondaries]
        both = np.asarray(mirrored.any(axis=1))
        both[_RESERVED] = True
        alone = ~both
        total: Floats = (_WEIGHT[alone] @ _deviation(squares[alone, None], grown[alone], added[alone], count))[:, None]
        lines = np.flatnonzero(both)
        # Few nodes: all lines at once; many: a line at a time, which fits into the processor's cache.
        for some in [lines] if len(self.primaries) * len(self.secondaries) <= _MANY else lines[:, None]:
            more = mirrored[some][:, None, :]
            if some[-1] == _RESERVED:
                known = np.broadcast_to(more[:-1], (len(some) - 1, *self._shape))
                more = np.concatenate((known, [self._reserved_more]))
            growth = grown[some][:, :, None] + 2 * distance[some][:, None, self.secondaries] * more + more**2
            sides = added[some][:, :, None] + more
            deviation = _deviation(squares[some, None, None], growth, sides, count)
            total = total + np.tensordot(_WEIGHT[some], deviation, axes=1)
        return total

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.primaries), 0 if self.secondaries is None else len(self.secondaries)

    @cached_property
    def _reserved_more(self) -> Floats:
        """The increase of the share of reserved memory, by primary and secondary."""
        more = self._reserved_then - self._reserved_now[self.secondaries]
        weighted: Floats = more * self.occupancy.equipment.memory_weight[self.secondaries]
        return weighted

    def _counts(self) -> Floats:
        """The contribution of the terms that are counts and sums, by choice."""
        occupancy, nodes = self.occupancy, self.primaries
        weighed: Floats = WEIGHTS["n1_cnt"] * self._at_risk(self._fails_n1_as_primary[nodes], nodes)
        weighed += WEIGHTS["pri_tags_score"] * self._conflicts[nodes]
        weighed += WEIGHTS["location_exclusion_score"] * self._location_conflicts[nodes]
        weighed += WEIGHTS["location_score"] * occupancy.neighbours.missed(self.instance)[nodes]
        if self.secondaries is None:
            return weighed
        fails = self._reserved_then >= self.occupancy.free_memory()[self.secondaries]
        total: Floats = weighed[:, None] + WEIGHTS["n1_cnt"] * self._at_risk(fails, self.secondaries)
        total += self._located_together()
        return total + WEIGHTS["reserved_mem_rtotal"] * self._reserved_more

    def _located_together(self) -> Floats | float:
        """The penalty for pairs of nodes that may fail together."""
        shared = self.occupancy.neighbours.shared
        if not shared.any():
            return 0.0
        weighed: Floats = WEIGHTS["location_score"] * shared[self.primaries[:, None], self.secondaries]
        return weighed

    def _at_risk(self, fails: NDArray[np.bool_], nodes: Nodes) -> Floats:
        """How many more instances would be on nodes that fail N+1, with one more on each of ``nodes``."""
        occupancy = self.occupancy
        living = (occupancy.primaries + occupancy.secondaries)[nodes]
        more: Floats = np.where(fails, living + 1, 0) - np.where(self._unhappy[nodes], living, 0)
        return np.where(occupancy.online[nodes], more, 0)


def on_nodes(instance: Instance, nodes: tuple[int, ...]) -> Instance:
    """The instance on these nodes: a primary, and a secondary if there are two."""
    primary, secondary = (*nodes, NO_NODE)[:2]
    return msgspec.structs.replace(instance, primary=primary, secondary=secondary)


@lru_cache(maxsize=4)
def _added(equipment: Equipment, taken: tuple[float, ...]) -> Floats:
    """What an instance adds to the shares of each node, by line and node. Successive ones are often equal."""
    added = np.zeros((len(DEVIATIONS), len(equipment.online)))
    added[: len(LINES)] = equipment.slope * np.array(taken)[list(LINES), None]
    for line, row in enumerate(LINES):
        if row in SPINDLES_OF_DISK:
            added[line] += equipment.spindle_slope * taken[SPINDLES_OF_DISK[row]]
    return added


def _first(checks: list[tuple[NDArray[np.bool_], Failure]]) -> Verdicts:
    """The first failure, by node."""
    verdicts = np.zeros(len(checks[0][0]), dtype=np.int8)
    for fails, failure in reversed(checks):
        verdicts[fails] = failure
    return verdicts


def _deviation(squares: Floats | float, growth: Floats, added: Floats, count: int) -> Floats:
    """Remainders of a sum of squares due to rounding count as zero."""
    variance = (squares + growth) / count - (added / count) ** 2
    deviation: Floats = np.sqrt(np.where(variance > _ROUNDING * squares / count, variance, 0))
    return deviation
