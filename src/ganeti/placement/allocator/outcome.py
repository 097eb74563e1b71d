# SPDX-License-Identifier: BSD-2-Clause
"""The result of looking for nodes in one group, and choosing between groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ganeti.placement.allocator.choices import Choices
from ganeti.placement.allocator.exclusive import Loss
from ganeti.placement.allocator.failure import Failure, listed
from ganeti.placement.figures import decimals
from ganeti.placement.snapshot import AllocPolicy, Group, Snapshot

_RANKS = {AllocPolicy.PREFERRED: 0, AllocPolicy.LAST_RESORT: 1, AllocPolicy.UNALLOCABLE: 2}


@dataclass(frozen=True, slots=True)
class Outcome:
    """``choice`` is the best of ``choices``, if one is possible; ``error`` is why there were none at all.

    ``forbidden``: why the group's policy forbids the instance on any node. Scores and counts are computed on
    demand, which must be before the scene changes.
    """

    group: Group
    choices: Choices | None = None
    choice: tuple[int, ...] | None = None
    loss: Loss | None = None  # where storage is exclusive
    forbidden: Failure = Failure.NONE
    error: str = ""

    @property
    def nodes(self) -> tuple[int, ...]:
        """The best nodes; empty if there are none."""
        return () if self.choices is None or self.choice is None else self.choices.nodes(self.choice)

    @property
    def rank(self) -> tuple[int, float]:
        """Lower is better."""
        return _RANKS[self.group.alloc_policy], self.score

    @property
    def score(self) -> float:
        """The score of the whole cluster with the instance; meaningless where storage is exclusive."""
        if self.choices is None or self.choice is None or self.loss:
            return 0.0
        return self.choices.score(self.choice)

    @property
    def failures(self) -> Counter[Failure]:
        if self.choices is None:
            return Counter()
        if self.forbidden:
            return Counter({self.forbidden: int((self.choices.verdicts != Failure.NO_CHOICE).sum())})
        return self.choices.failures()

    def told(self, snapshot: Snapshot) -> str:
        """As Ganeti's hail words it."""
        return self.error or f"Group {self.group.name} ({self.group.alloc_policy}): {self.found(snapshot)}"

    def found(self, snapshot: Snapshot) -> str:
        """Like ``told``, without the group."""
        failures = self.failures
        if self.choices is None or self.choice is None:
            reasons = listed(failures) or "unknown reasons"
            return f"No valid allocation solutions, failure reasons: {reasons}"
        successes = int((self.choices.verdicts == Failure.NONE).sum())
        return (
            f"score: {self._score_text()}, successes {successes}, "
            f"failures {failures.total()} ({listed(failures)}) for node(s) {'/'.join(names(snapshot, self.nodes))}"
        )

    def _score_text(self) -> str:
        if self.loss is None:
            return decimals(self.score)
        vector, disk = self.loss
        return f"([{','.join(map(str, vector))}],{disk})"


def names(snapshot: Snapshot, nodes: Iterable[int]) -> list[str]:
    return [snapshot.nodes[node].name for node in nodes]


def best_of(outcomes: Iterable[Outcome], *, unallocable: bool = False) -> Outcome | None:
    """The best group with nodes, the last of equals; an unallocable one only if that is allowed."""
    found = [o for o in outcomes if o.choice and (unallocable or o.group.alloc_policy != AllocPolicy.UNALLOCABLE)]
    if len(found) == 1:
        return found[0]
    return min(reversed(found), key=lambda outcome: outcome.rank, default=None)


def told(snapshot: Snapshot, outcomes: Iterable[Outcome]) -> str:
    return ", ".join(outcome.told(snapshot) for outcome in outcomes)
