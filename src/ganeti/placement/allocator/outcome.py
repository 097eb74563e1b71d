# SPDX-License-Identifier: BSD-2-Clause
"""What looking for nodes in one group came to, and choosing between groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ganeti.placement.allocator.exclusive import Loss
from ganeti.placement.allocator.failure import Failure, listed
from ganeti.placement.snapshot import AllocPolicy, Group

_RANKS = {AllocPolicy.PREFERRED: 0, AllocPolicy.LAST_RESORT: 1, AllocPolicy.UNALLOCABLE: 2}


@dataclass(frozen=True, slots=True)
class Outcome:
    """``nodes`` are the best ones, empty if there are none; ``error`` is why there was no choice at all.

    ``score`` is the whole cluster's, or what is lost where storage is exclusive.
    """

    group: Group
    nodes: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    score: float | Loss = 0.0
    successes: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    error: str = ""

    @property
    def rank(self) -> tuple[int, float]:
        """Lower is better."""
        return _RANKS[self.group.alloc_policy], self.score if isinstance(self.score, float) else 0.0

    def __str__(self) -> str:
        name, policy = self.group.name, self.group.alloc_policy
        if self.error:
            return f"Group {name}: error {self.error}"
        if not self.nodes:
            reasons = listed(self.failures) or "none"
            return f"Group {name} ({policy}): No valid allocation solutions, failure reasons: {reasons}"
        return (
            f"Group {name} ({policy}): score: {self._score_text()}, successes {self.successes}, "
            f"failures {self.failures.total()} ({listed(self.failures)}) for node(s) {'/'.join(self.names)}"
        )

    def _score_text(self) -> str:
        if isinstance(self.score, float):
            return f"{self.score:.8f}"
        vector, disk = self.score
        return f"([{','.join(map(str, vector))}],{disk})"


def best_of(outcomes: Iterable[Outcome], *, unallocable: bool = False) -> Outcome | None:
    """The best group with nodes, the last of equals; one that is unallocable only if that is allowed."""
    found = [o for o in outcomes if o.nodes and (unallocable or o.group.alloc_policy != AllocPolicy.UNALLOCABLE)]
    return min(reversed(found), key=lambda outcome: outcome.rank, default=None)


def told(outcomes: Iterable[Outcome]) -> str:
    return ", ".join(map(str, outcomes))
