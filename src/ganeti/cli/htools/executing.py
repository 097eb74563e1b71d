# SPDX-License-Identifier: BSD-2-Clause
"""``-X``: the master daemon executes the steps, each as a job, the jobs of a set concurrently (hbal(1)).

With ``--plan``, all of them in order as one job, which continues by itself and can be stopped between steps.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from ganeti.cli.htools.inputs.luxi import client
from ganeti.cli.htools.options import say
from ganeti.cli.htools.report.steps import job_sets
from ganeti.cli.htools.waiting import PAUSE, wait
from ganeti.declare.operation import PRIORITIES
from ganeti.errors import EXIT_FAILURE
from ganeti.luxi.client import Client
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus
from ganeti.placement.balance.move import MoveKind, Step
from ganeti.placement.snapshot import Snapshot

_MIGRATE, _FAILOVER = "OP_INSTANCE_MIGRATE", "OP_INSTANCE_FAILOVER"
_REPLACE_DISKS = "OP_INSTANCE_REPLACE_DISKS"


def execute(group: Snapshot, steps: Sequence[Step], arguments: argparse.Namespace) -> int:
    """The exit status: 0 if all started jobs have succeeded. After an interrupt, running jobs are waited for."""
    interrupted = _Interrupt()
    master = client(arguments.luxi)
    try:
        if arguments.plan:
            return _run_plan(master, group, steps, arguments, interrupted)
        for number, jobs in enumerate(job_sets(steps), 1):
            say(f"Executing jobset {number}: {len(jobs)} jobs")
            if not _run_set(master, group, jobs, arguments):
                return EXIT_FAILURE
            if interrupted.asked or arguments.first_job_group:
                say("Stopped before the next jobset, as asked for.")
                return 0
    finally:
        master.close()
        interrupted.restore()
    return 0


class _Interrupt:
    """Treats ^C as a request to stop after the running jobs."""

    def __init__(self) -> None:
        self.asked = False
        self._before = signal.signal(signal.SIGINT, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        say("Waiting for the jobs that run; no others will be started.")

    def restore(self) -> None:
        signal.signal(signal.SIGINT, self._before)


def _run_plan(
    master: Client, group: Snapshot, steps: Sequence[Step], arguments: argparse.Namespace, interrupted: _Interrupt
) -> int:
    """The exit status: 0 if the job succeeds, or was stopped early from here."""
    operations = [operation for step in steps for operation in _operations(group, step, arguments)]
    number = master.call(Method.SUBMIT_JOB, operations)
    say(f"The plan is job {number}; ^C or 'gnt-job cancel {number}' ends it after the operation that runs.")
    canceled, shown = False, ""
    while True:
        ((status, states),) = master.call(Method.QUERY_JOBS, [number], ["status", "opstatus"])
        told = f"  job {number}: {states.count('success')} of {len(operations)} operations done, {status}"
        if told != shown:
            say(told)
        shown = told
        if JobStatus(status).final:
            return 0 if status == "success" or canceled else EXIT_FAILURE
        if interrupted.asked and not canceled:
            canceled, _ = master.call(Method.CANCEL_JOB, number)
        time.sleep(PAUSE)


def _run_set(master: Client, group: Snapshot, jobs: Sequence[Step], arguments: argparse.Namespace) -> bool:
    submitted = master.call(Method.SUBMIT_MANY_JOBS, [_operations(group, step, arguments) for step in jobs])
    refused = [reason for accepted, reason in submitted if not accepted]
    numbers = [number for accepted, number in submitted if accepted]
    ends = wait(master, numbers)
    for number, end in ends.items():
        say(f"  job {number}: {end}")
    for reason in refused:
        say(f"  not accepted: {reason}")
    return not refused and all(end == "success" for end in ends.values())


def _operations(group: Snapshot, step: Step, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    instance = group.instances[step.move.instance]
    reason = [["hbal", arguments.reason or "balancing", time.time_ns()]]
    common = {"instance_name": instance.name, "priority": PRIORITIES[arguments.priority], "reason": reason}
    leave = {"OP_ID": _MIGRATE, "allow_failover": True} if instance.status.running else {"OP_ID": _FAILOVER}
    leave |= common
    target = group.nodes[step.move.target].name
    if step.move.kind is MoveKind.ANYWHERE:
        return [{**leave, "target_node": target}]
    replace = {"OP_ID": _REPLACE_DISKS, "mode": "replace_new_secondary", "remote_node": target, **common}
    return [replace if letter == "r" else leave for letter in step.move.kind.value]
