# SPDX-License-Identifier: BSD-2-Clause
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ganeti.placement import score
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Move, MoveKind, Step
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE
from ganeti.placement.text import parse
from tests.unit.placement.checker import faults
from tests.unit.placement.clusters import cluster_text, unbalanced_text


def never(_before, _after):
    return False


def finite(balance):
    return np.isfinite(balance.score())


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_a_step_leads_to_the_score_that_it_promises(seed):
    balance = Balance(parse(cluster_text(seed)).snapshot)
    step = balance.best() if finite(balance) else None
    if step:
        balance.make(step.move)
        assert balance.score() == pytest.approx(step.score, abs=5e-8)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_sums_kept_up_to_date_are_those_made_anew(seed):
    balance = Balance(parse(cluster_text(seed)).snapshot)
    if finite(balance):
        list(descend(balance, never, 3))
        anew = score.terms(Occupancy(balance.snapshot))
        kept = score.terms(balance.occupancy)
        # Where a report does not add up, or N+1 just fails, it matters whether a node has been touched.
        for name in ("cpu_load_cv", "disk_load_cv", "pri_tags_score", "location_score", "location_exclusion_score"):
            assert kept[name] == pytest.approx(anew[name], abs=1e-9)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6))
@example(858726)  # forthcoming instances leave an offline node for one that is too full: they take no memory
def test_no_step_breaks_anything(seed):
    snapshot = parse(cluster_text(seed)).snapshot
    balance = Balance(snapshot)
    if finite(balance):
        assert list(faults(snapshot, descend(balance, never, 10))) == []


def test_what_is_forthcoming_is_kept_apart_by_exclusion_tags_as_well():
    """Ganeti's hbal makes this its third step, to a score of 15.26998107: i10, forthcoming too, has the tag as well."""
    snapshot = parse(cluster_text(5431)).snapshot
    name, node = snapshot.instance_index, snapshot.node_index
    balance = Balance(snapshot)
    balance.make(Move(name["i13"], MoveKind.ANYWHERE, node["n2"]))
    balance.make(Move(name["i14"], MoveKind.REPLACE_SECONDARY, node["n0"]))
    now = balance.snapshot
    theirs = Step(Move(name["i12"], MoveKind.ANYWHERE, node["n0"]), (node["n3"], NO_NODE), (node["n0"], NO_NODE), 0)
    assert list(faults(now, [theirs])) == ["step 1: n0 has instances with a common exclusion tag"]
    assert list(faults(now, [balance.best()])) == []


def test_every_step_lowers_the_score_until_none_does():
    balance = Balance(parse(unbalanced_text(8, 60)).snapshot)
    scores = [balance.score(), *(step.score for step in descend(balance, never))]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 10
    assert balance.best() is None


def test_the_best_step_is_the_best_of_all_that_can_be_made():
    snapshot = parse(unbalanced_text(5, 25, seed=3)).snapshot
    reached = []
    for index, instance in enumerate(snapshot.instances):
        p, s = instance.primary, instance.secondary
        others = [node for node in range(5) if node not in (p, s)]
        ends = {(s, p)} | {end for t in others for end in ((p, t), (s, t), (t, p), (t, s))}
        for primary, secondary in ends:
            balance = Balance(snapshot)
            balance.put(index, primary, secondary)
            reached.append(balance.score())
    assert Balance(snapshot).best().score == pytest.approx(min(reached), abs=1e-8)


def test_large_groups_end_as_well_as_small_ones(monkeypatch):
    snapshot = parse(unbalanced_text(12, 120)).snapshot
    exact = Balance(snapshot)
    list(descend(exact, never))
    monkeypatch.setattr("ganeti.placement.balance.balance._EXACT", 0)
    remembering = Balance(snapshot)
    list(descend(remembering, never))
    assert remembering.best() is None
    assert remembering.score() < exact.score() * 1.5


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (BalanceOptions(disk_moves=False), {MoveKind.FAILOVER}),
        (BalanceOptions(instance_moves=False), {MoveKind.REPLACE_SECONDARY}),
        (
            BalanceOptions(restricted_migration=True),
            set(MoveKind) - {MoveKind.REPLACE_PRIMARY, MoveKind.REPLACE_AND_FAILOVER},
        ),
    ],
)
def test_only_what_the_options_allow_is_done(options, kinds):
    balance = Balance(parse(unbalanced_text(6, 40)).snapshot, options)
    done = {step.move.kind for step in descend(balance, never)}
    assert done
    assert done <= kinds


def test_chosen_instances_alone_are_moved():
    snapshot = parse(unbalanced_text(6, 40)).snapshot
    only = Balance(snapshot, BalanceOptions(only=frozenset({"inst1", "inst2"})))
    assert {step.move.instance for step in descend(only, never)} <= {1, 2}
    never_these = Balance(snapshot, BalanceOptions(never=frozenset(f"inst{n}" for n in range(39))))
    assert {step.move.instance for step in descend(never_these, never)} <= {39}
