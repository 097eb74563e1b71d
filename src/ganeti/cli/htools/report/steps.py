# SPDX-License-Identifier: BSD-2-Clause
"""Balancing steps in the format of hbal(1), and as commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganeti.cli.htools.names import Names
from ganeti.placement.balance.move import MoveKind, Step
from ganeti.placement.figures import decimals
from ganeti.placement.snapshot import NO_NODE, Snapshot


class StepPrinter:
    """``snapshot`` is the cluster before the first step."""

    def __init__(self, snapshot: Snapshot, names: Names) -> None:
        self._instances = snapshot.instances
        self._instance_names = [names.short(instance.name) for instance in snapshot.instances]
        self._node_names = [names.short(node.name) for node in snapshot.nodes]
        self._instance_width = max(map(len, self._instance_names), default=0)
        self._nodes_width = 2 * max(map(len, self._node_names), default=0) + 1

    def line(self, number: int, step: Step) -> str:
        name = self._instance_names[step.move.instance].ljust(self._instance_width)
        before, after = (self._nodes(pair).ljust(self._nodes_width) for pair in (step.before, step.after))
        return f"  {number:3d}. {name} {before} => {after} {decimals(step.score):>12} a={self.actions(step)}"

    def actions(self, step: Step) -> str:
        """In hbal's short form: ``f r:node f``."""
        if step.move.kind is MoveKind.ANYWHERE:
            return f"fa:{self._node_names[step.move.target]}"
        return " ".join(f"r:{self._node_names[step.move.target]}" if c == "r" else c for c in step.move.kind.value)

    def commands(self, step: Step) -> list[str]:
        """The ``gnt-instance`` commands of one step."""
        name = self._instance_names[step.move.instance]
        leave = "migrate" if self._instances[step.move.instance].status.running else "failover"
        if step.move.kind is MoveKind.ANYWHERE:
            return [f"gnt-instance {leave} -f -n {self._node_names[step.move.target]} {name}"]
        replace = f"gnt-instance replace-disks -n {self._node_names[step.move.target]} {name}"
        return [replace if c == "r" else f"gnt-instance {leave} -f {name}" for c in step.move.kind.value]

    def _nodes(self, pair: tuple[int, int]) -> str:
        return ":".join(self._node_names[node] for node in pair if node != NO_NODE)


def job_sets(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps that can be made concurrently: no two in a set involve the same node (hbal(1)).

    Sets are built from the last step backwards, as in Ganeti's tools.
    """
    sets: list[list[Step]] = []
    touched: set[int] = set()
    for step in reversed(steps):
        nodes = {*step.before, *step.after} - {NO_NODE}
        if not sets or touched & nodes:
            sets.insert(0, [])
            touched = set()
        sets[0].insert(0, step)
        touched |= nodes
    return sets


def command_list(printer: StepPrinter, steps: Sequence[Step]) -> list[str]:
    """For reading: nothing stops these commands half way."""
    return [line for number, jobs in enumerate(job_sets(steps), 1) for line in _listed(printer, number, jobs)]


def _listed(printer: StepPrinter, number: int, jobs: Sequence[Step]) -> Iterator[str]:
    yield from ("", f"echo jobset {number}, {len(jobs)} jobs")
    for place, step in enumerate(jobs, 1):
        yield f"  echo job {number}/{place}"
        yield from (f"  {command}" for command in printer.commands(step))


_SCRIPT_HEAD = """#!/bin/sh

# Auto-generated script for executing cluster rebalancing

# To stop, touch the file /tmp/stop-htools

set -e

check() {
  if [ -f /tmp/stop-htools ]; then
    echo 'Stop requested, exiting'
    exit 0
  fi
}

"""


def script(printer: StepPrinter, steps: Sequence[Step]) -> str:
    """As a shell script, which stops between jobs on request."""
    lines: list[str] = []
    for line in command_list(printer, steps):
        lines.append(line)
        if line.startswith("  echo job "):
            lines.append("  check")
    return _SCRIPT_HEAD + "\n".join(lines) + "\n"
