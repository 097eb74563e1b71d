# SPDX-License-Identifier: BSD-2-Clause
"""Ours against what the real tools say, for one cluster."""

from __future__ import annotations

from ganeti.placement import score
from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.move import Move, MoveKind
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE

EIGHT_DECIMALS = 1.01e-8


def assert_same_terms(snapshot, theirs):
    ours = score.terms(Occupancy(snapshot))
    assert {name: value for name, value in ours.items() if abs(value - theirs[name]) > EIGHT_DECIMALS} == {}


def assert_no_worse_steps(snapshot, theirs):
    """At each of their states our best step is theirs, one as good or a better one; then theirs is made."""
    balance = Balance(snapshot)
    names = balance.snapshot.instance_index
    nodes = balance.snapshot.node_index
    for name, _before, _after, reached, actions in theirs:
        step = balance.best()
        assert step is not None, f"they move {name}: {actions}"
        assert step.score <= reached + 5e-8, f"they move {name}: {actions}"
        kind = MoveKind("".join(word.partition(":")[0] for word in actions.split()))
        target = next((nodes[word.partition(":")[2]] for word in actions.split() if ":" in word), NO_NODE)
        balance.make(Move(names[name], kind, target))
        assert abs(balance.score() - reached) <= EIGHT_DECIMALS
