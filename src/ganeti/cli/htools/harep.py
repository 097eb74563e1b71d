# SPDX-License-Identifier: BSD-2-Clause
"""``harep``: repairs broken instances as far as their tags allow (harep(1)).

It is meant to be run repeatedly: a repair may take several jobs, and tags record its progress.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.inputs import luxi
from ganeti.cli.htools.options import DEFAULT, Parser, integer, parser, say
from ganeti.cli.htools.repairing import Repairer
from ganeti.errors import WrongInput
from ganeti.placement.repair import Action, Case, Verdict, cases, expired, judge
from ganeti.placement.snapshot import Snapshot


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    try:
        snapshot = luxi.load(arguments.luxi, 0).snapshot
    except WrongInput as error:
        raise WrongInput(f"Error: failed to load data, aborting: {error.message}") from None
    master = luxi.client(arguments.luxi)
    try:
        _Run(snapshot, Repairer(master, arguments.reason, arguments.job_delay), arguments).run()
    finally:
        master.close()
    return 0


class _Run:
    def __init__(self, snapshot: Snapshot, repairer: Repairer, arguments: argparse.Namespace) -> None:
        self._snapshot = snapshot
        self._repairer = repairer
        self._dry = bool(arguments.dry_run)
        self._now = time.time()

    def run(self) -> None:
        if not self._dry:
            self._end_suspensions()
        found = cases(self._snapshot, self._now)
        running = self._repairer.states([job for case in found if case.pending for job in case.pending.jobs])
        states = Counter({"Healthy": len(self._snapshot.instances) - len(found)})
        for case in found:
            verdict = judge(case, running)
            say(f"{case.instance.name}: {_described(case)}; {self._acted(case, verdict)}")
            begun = verdict.action is Action.REPAIR and not self._dry
            states["Pending repair" if begun else verdict.state] += 1
        say("---------------------\nInstance status count\n---------------------")
        for state in ("Healthy", *sorted(set(states) - {"Healthy"})):
            say(f"{state}: {states[state]}")

    def _acted(self, case: Case, verdict: Verdict) -> str:
        """Carry out the verdict; returns what was done, for display."""
        if verdict.action is Action.NOTHING:
            return _reason(case, verdict)
        if verdict.action is Action.END:
            if not self._dry:
                self._repairer.end(case, verdict.result)
            return f"{_reason(case, verdict)}; {'would be ' if self._dry else ''}tagged as {verdict.result}"
        if self._dry:
            return "would be done"
        return f"job {self._repairer.go_on(case)}"

    def _end_suspensions(self) -> None:
        """Remove tags of expired suspensions; this run ignores them in any case."""
        snapshot = self._snapshot
        objects = [
            ("cluster", None, snapshot.tags),
            *(("nodegroup", group.name, group.tags) for group in snapshot.groups),
            *(("instance", instance.name, instance.tags) for instance in snapshot.instances),
        ]
        for kind, name, tags in objects:
            over = expired(tags, self._now)
            if over:
                self._repairer.forget(kind, name, over)
                say(f"{name or 'cluster'}: the suspension of repairs is over")


def _described(case: Case) -> str:
    return f"{case.why}; {case.needed.word}" if case.needed is not None else "well again"


def _reason(case: Case, verdict: Verdict) -> str:
    """Why nothing more is done."""
    if verdict.state == "Repair disallowed":
        most = case.permission.most
        return "is not allowed: " + (
            f"tags allow {most.word} at most" if most is not None else "no tag allows any repair"
        )
    reasons = {
        "Suspended": "is suspended by a tag",
        "Pending repair": "its job has not ended yet",
        "Failure": "is left to people: a repair has failed" + (", and its tag is still there" if case.failed else ""),
        "Healthy": "its repair is over",
    }
    return reasons[verdict.state]


def command_line() -> Parser:
    made = parser("harep", "Repairs broken instances as far as their tags allow.")
    add = made.add_argument
    add("-L", "--luxi", metavar="SOCKET", nargs="?", const=DEFAULT, default=DEFAULT, help="the master daemon's socket")
    add(
        "--job-delay",
        metavar="SECONDS",
        type=integer("job delay"),
        default=0,
        help="delay repair jobs by this many seconds",
    )
    add("--reason", metavar="TEXT", help="reason to record with the jobs")
    add("--dry-run", action="store_true", help="only show what would be done")
    return made
