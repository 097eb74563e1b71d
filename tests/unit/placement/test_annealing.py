# SPDX-License-Identifier: BSD-2-Clause
"""The search for the best final state, and that what it reckons is so."""

import numpy as np
import pytest

from ganeti.placement.balance.annealing import Annealing
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.drawing import Drawing
from ganeti.placement.balance.estimate import Estimate
from ganeti.placement.balance.optimum import optimum
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.balance.origin import Origin
from ganeti.placement.snapshot import NO_NODE
from ganeti.placement.text import parse
from tests.unit.placement.checker import State, faults
from tests.unit.placement.clusters import cluster_text, unbalanced_text


def never(_before, _after):
    return False


class Watch:
    """So many looks at the clock, and then the time is up."""

    def __init__(self, looks):
        self.looks = looks

    def left(self):
        self.looks -= 1
        return float(self.looks)

    def show(self, best):
        pass


def draw(balance, seed, count=300):
    """Candidates; none where nothing can move."""
    drawing = Drawing(balance, Origin(balance), np.random.default_rng(seed))
    return drawing.draw(count) if drawing else None


def make(balance, drawn, candidate):
    for row in range(2):
        instance, *_, primary, secondary = (
            int(column[row, candidate])
            for column in (drawn.instances, drawn.primary, drawn.secondary, drawn.new_primary, drawn.new_secondary)
        )
        balance.put(instance, primary, secondary)


def undo(balance, drawn, candidate):
    for row in range(2):
        place = row, candidate
        balance.put(int(drawn.instances[place]), int(drawn.primary[place]), int(drawn.secondary[place]))


@pytest.mark.parametrize("seed", range(60))
def test_an_exchange_changes_the_score_as_estimated(seed):
    snapshot = parse(cluster_text(seed)).snapshot
    balance = Balance(snapshot)
    drawn = draw(balance, seed)
    if drawn is None:
        return
    estimate = Estimate(balance.look())
    changes = estimate.spread(drawn) + estimate.reserve(drawn)
    before, at_risk = balance.score(), balance.occupancy.instances_at_risk()[balance.occupancy.online].sum()
    for candidate in np.flatnonzero(np.isfinite(changes)).tolist():
        make(balance, drawn, candidate)
        risk = balance.occupancy.instances_at_risk()[balance.occupancy.online].sum() - at_risk
        assert balance.score() - before - risk == pytest.approx(changes[candidate], abs=1e-7)
        undo(balance, drawn, candidate)


@pytest.mark.parametrize("seed", range(60))
def test_no_exchange_that_fits_takes_what_is_not_there(seed):
    snapshot = parse(cluster_text(seed)).snapshot
    balance = Balance(snapshot)
    drawn = draw(balance, seed, 100)
    if drawn is None:
        return
    before = State(snapshot, snapshot.instances)
    fitting = np.flatnonzero(np.isfinite(Estimate(balance.look()).reserve(drawn))).tolist()
    for candidate in fitting:
        make(balance, drawn, candidate)
        after = State(snapshot, balance.snapshot.instances)
        for node in set(drawn.nodes[:, candidate].tolist()) - {NO_NODE}:
            if not snapshot.nodes[node].offline:
                assert after.free_memory(node) >= min(before.free_memory(node), 0)
                assert after.free_disk(node) >= min(before.free_disk(node), 0)
                assert before.lacks_memory_for_a_death(node) or not after.lacks_memory_for_a_death(node)
        undo(balance, drawn, candidate)


def test_candidates_stay_within_one_move_of_the_start_and_within_the_options():
    balance = Balance(
        parse(unbalanced_text(6, 40)).snapshot, BalanceOptions(instance_moves=False, never=frozenset({"inst3"}))
    )
    primary, _ = balance.origin
    for seed in range(20):
        drawn = draw(balance, seed)
        assert len(drawn)
        assert (drawn.new_primary == primary[drawn.instances]).all()
        moved = drawn.new_secondary != drawn.secondary
        assert 3 not in drawn.instances[moved]
        make(balance, drawn, 0)


def test_the_optimum_is_no_worse_than_small_steps_and_breaks_nothing():
    snapshot = parse(unbalanced_text(6, 40)).snapshot
    small = Balance(snapshot)
    list(descend(small, never, 20))
    balance = Balance(snapshot)

    def anneal(trial):
        return Annealing(trial, 20, np.random.default_rng(1), Watch(400)).run()

    steps = list(optimum(Balance(snapshot), balance, 20, anneal, Watch(400)))
    assert balance.score() <= small.score() + 1e-9
    assert len(steps) <= 20
    assert list(faults(snapshot, steps)) == []


def test_annealing_finds_what_single_steps_cannot():
    balance = Balance(parse(unbalanced_text(6, 40)).snapshot)
    list(descend(balance, never))
    stuck = balance.score()
    assert Annealing(balance, None, np.random.default_rng(1), Watch(600)).run().score < stuck


@pytest.mark.parametrize("seed", range(40))
def test_any_cluster_can_be_annealed(seed):
    snapshot = parse(cluster_text(seed)).snapshot
    balance = Balance(snapshot)
    before = balance.score()

    def anneal(trial):
        return Annealing(trial, None, np.random.default_rng(seed), Watch(50)).run()

    steps = list(optimum(Balance(snapshot), balance, None, anneal, Watch(1000)))
    assert balance.score() <= before + 1e-9
    assert list(faults(snapshot, steps)) == []
