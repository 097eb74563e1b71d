# SPDX-License-Identifier: BSD-2-Clause
"""A plan for users: what moves, why, what each step gains, how long copying takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganeti.cli.htools.names import Names
from ganeti.cli.htools.report.steps import job_sets
from ganeti.placement import score
from ganeti.placement.balance.move import MoveKind, Step
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE, Snapshot
from ganeti.placement.tags import TagRules

_WHY = {
    "free_mem_cv": "evens out free memory",
    "free_disk_cv": "evens out free disk",
    "n1_cnt": "lets instances survive the death of a node",
    "reserved_mem_cv": "evens out memory kept for failovers",
    "offline_all_cnt": "leaves a node that is offline",
    "offline_pri_cnt": "brings an instance off a node that is offline",
    "vcpu_ratio_cv": "evens out vcpus",
    "cpu_load_cv": "evens out the load of processors",
    "mem_load_cv": "evens out the load of memory",
    "disk_load_cv": "evens out the load of disks",
    "net_load_cv": "evens out the load of networks",
    "pri_tags_score": "separates instances with a common exclusion tag",
    "spindles_cv": "evens out spindles",
    "location_score": "no longer keeps both copies in one place, or meets a wish for a place",
    "location_exclusion_score": "separates instances with a common exclusion tag by place",
    "reserved_mem_rtotal": "needs less memory for failovers",
}


class PlanPrinter:
    """``speed``: the rate at which disks are copied, MiB per second."""

    def __init__(self, group: Snapshot, names: Names, tags: TagRules, speed: float) -> None:
        self._group = group
        self._names = names
        self._tags = tags
        self._speed = speed

    def lines(self, steps: Sequence[Step]) -> Iterator[str]:
        occupancy = Occupancy(self._group, self._tags)
        failing = int(occupancy.fails_n1().sum())
        yield self._summary(steps, score.score(occupancy))
        for number, step in enumerate(steps, 1):
            before = score.terms(occupancy)
            _apply(self._group, occupancy, step)
            yield from self._step(number, step, before, score.terms(occupancy))
        yield _promise(failing, int(occupancy.fails_n1().sum()))

    def _summary(self, steps: Sequence[Step], initial: float) -> str:
        final = steps[-1].score if steps else initial
        copied = sum(self._copied(step) for step in steps)
        slowest = sum(max(self._copied(step) for step in jobs) for jobs in job_sets(steps))
        return (
            f"Plan: {len(steps)} steps in {len(job_sets(steps))} job sets, score {initial:.4f} to {final:.4f}; "
            f"{_size(copied)} to copy, {_time(copied / self._speed)} one after the other, "
            f"{_time(slowest / self._speed)} with the jobs of a set together"
        )

    def _step(self, number: int, step: Step, before: dict[str, float], after: dict[str, float]) -> Iterator[str]:
        gained = score.total(before) - score.total(after)
        yield f"{number:4d}. {self._names.short(self._group.instances[step.move.instance].name)}: {self._what(step)}"
        yield f"      why: {_reasons(before, after)}"
        copied = self._copied(step)
        copy = f"copies {_size(copied)}, about {_time(copied / self._speed)}" if copied else "copies nothing"
        yield f"      gains {gained:.4f} (score {score.total(after):.4f}); {copy}"

    def _what(self, step: Step) -> str:
        (primary, secondary), (to, mirror) = step.before, step.after
        parts = [f"runs on {self._node(to)} instead of {self._node(primary)}" if to != primary else "stays"]
        if to == primary:
            parts = [f"goes on running on {self._node(primary)}"]
        if secondary not in (NO_NODE, mirror):
            parts.append(f"secondary {self._node(mirror)} instead of {self._node(secondary)}")
        return ", ".join(parts)

    def _copied(self, step: Step) -> int:
        """The MiB to copy: a new node gets the disks, unless they are shared."""
        copies = step.move.kind not in (MoveKind.FAILOVER, MoveKind.ANYWHERE)
        return self._group.instances[step.move.instance].disk if copies else 0

    def _node(self, index: int) -> str:
        return self._names.short(self._group.nodes[index].name)


def _apply(group: Snapshot, occupancy: Occupancy, step: Step) -> None:
    instance = group.instances[step.move.instance]
    occupancy.remove(instance.at(*step.before))
    occupancy.add(instance.at(*step.after))


def _reasons(before: dict[str, float], after: dict[str, float]) -> str:
    gains = {why: score.WEIGHTS[term] * (before[term] - after[term]) for term, why in _WHY.items()}
    best = [why for why, gain in sorted(gains.items(), key=lambda item: -item[1]) if gain > 1e-6]
    return ", ".join(best[:3]) or "makes room for what follows"


def _promise(before: int, after: int) -> str:
    if not before:
        return "N+1 holds before the first step and after each."
    return f"{before} nodes fail N+1 before the first step, {after} after the last; no step makes another one fail."


def _size(mebibytes: float) -> str:
    return f"{mebibytes / 1024:.1f} GiB"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
