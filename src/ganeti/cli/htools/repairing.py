# SPDX-License-Identifier: BSD-2-Clause
"""Repairs as jobs of the master daemon, tracked in tags of the instances."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from ganeti.cli.htools.waiting import wait
from ganeti.errors import WrongInput
from ganeti.luxi.client import Client
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus
from ganeti.placement.repair import Case, Record, Repair

_SET, _REMOVE = "OP_TAGS_SET", "OP_TAGS_DEL"
STEPS: dict[Repair, tuple[dict[str, Any], ...]] = {
    Repair.FIX_STORAGE: (
        {"OP_ID": "OP_INSTANCE_REPLACE_DISKS", "mode": "replace_new_secondary", "iallocator": "hail"},
    ),
    Repair.MIGRATE: ({"OP_ID": "OP_INSTANCE_MIGRATE"},),
    Repair.FAILOVER: ({"OP_ID": "OP_INSTANCE_FAILOVER"},),
    Repair.REINSTALL: (
        {"OP_ID": "OP_INSTANCE_SHUTDOWN", "ignore_offline_nodes": True},
        {"OP_ID": "OP_INSTANCE_RECREATE_DISKS", "iallocator": "hail"},
        {"OP_ID": "OP_INSTANCE_REINSTALL"},
    ),
}


class Repairer:
    """``delay``: seconds before repairs begin."""

    def __init__(self, master: Client, reason: str | None, delay: int) -> None:
        self._master = master
        self._reason = reason or "automatic repair"
        self._delay = delay

    def states(self, jobs: Sequence[int]) -> dict[int, str]:
        """The states of jobs that are still known."""
        rows = self._master.call(Method.QUERY_JOBS, list(jobs), ["status"]) if jobs else []
        return {number: str(row[0]) for number, row in zip(jobs, rows, strict=True) if row}

    def go_on(self, case: Case) -> int:
        """Start a repair, or its next job; the job's number.

        The instance is tagged first: if this is interrupted before the job's number is in the tag, the next run knows
        that the repair has begun.
        """
        needed = case.needed
        assert needed is not None  # noqa: S101 - only what is needed is permitted
        marked = case.pending
        if marked is None:
            marked = _begun(needed)
            self._retag(case, marked)
        common = {"instance_name": case.instance.name, "reason": self._why()}
        delay = [{"OP_ID": "OP_TEST_DELAY", "duration": self._delay, "reason": self._why()}] if self._delay else []
        job: int = self._master.call(Method.SUBMIT_JOB, [*delay, *({**step, **common} for step in STEPS[needed])])
        self._run([_tagging(_SET, case, [marked.then(job)]), _tagging(_REMOVE, case, [marked])])
        return job

    def end(self, case: Case, result: str) -> None:
        """Tag the instance with the result of its repair, or why there will be none."""
        record = case.pending
        if record is None:
            assert case.needed is not None  # noqa: S101 - what is well and not under repair is no case that ends
            record = _begun(case.needed)
        self._retag(case, record.ended(result, int(time.time())))

    def forget(self, kind: str, name: str | None, tags: Iterable[str]) -> None:
        """Remove tags of an object."""
        self._run([{"OP_ID": _REMOVE, "kind": kind, "name": name, "tags": list(tags)}])

    def _retag(self, case: Case, record: Record) -> None:
        """Replace the tags of the repair under way and of earlier results."""
        old = [*case.results, *([case.pending] if case.pending else [])]
        self._run([_tagging(_SET, case, [record]), *([_tagging(_REMOVE, case, old)] if old else [])])

    def _run(self, operations: list[dict[str, Any]]) -> None:
        """Raises WrongInput if the job fails."""
        number = self._master.call(
            Method.SUBMIT_JOB, [{**operation, "reason": self._why()} for operation in operations]
        )
        end = wait(self._master, [number])[number]
        if end != JobStatus.SUCCESS:
            ((results,),) = self._master.call(Method.QUERY_JOBS, [number], ["opresult"])
            raise WrongInput(f"Error: job {number}, which changes tags, ended with {end}: {results}")

    def _why(self) -> list[list[Any]]:
        return [["harep", self._reason, time.time_ns()]]


def _begun(repair: Repair) -> Record:
    return Record(repair, uuid4().hex[:12], int(time.time()))


def _tagging(operation: str, case: Case, records: Sequence[Record]) -> dict[str, Any]:
    tags = [record.tag for record in records]
    return {"OP_ID": operation, "kind": "instance", "name": case.instance.name, "tags": tags}
