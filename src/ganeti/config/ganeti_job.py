# SPDX-License-Identifier: BSD-2-Clause
"""A job in the form of Ganeti's files ``queue/job-N``, for tools that read them.

Fields are those of ``QueuedJob`` and ``QueuedOpCode`` (Ganeti's API documentation, "Ganeti.JQueue"); times are
[seconds, microseconds]. Secret parameters are left out, as for everybody who asks for the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ganeti.model.job import Job, LogEntry, Step
from ganeti.query.job import timestamp

# Bytes; of a job that needs more, what it said is left out, then what it was asked and what it has answered.
LARGEST = 1_048_576

_encode = msgspec.json.Encoder(order="deterministic").encode


def job_file(job: Job, log: Sequence[LogEntry]) -> bytes:
    """The content of its file."""
    return next(content for content in _shorter(job, log) if len(content) <= LARGEST)


def job_form(job: Job, log: Sequence[LogEntry]) -> dict[str, Any]:
    return {
        "id": job.id,
        "ops": [
            _step_form(step, job.priority, lines) for step, lines in zip(job.steps, _by_step(job, log), strict=True)
        ],
        "received_timestamp": timestamp(job.received),
        "start_timestamp": timestamp(job.started),
        "end_timestamp": timestamp(job.ended),
    }


def _step_form(step: Step, priority: int, log: Sequence[LogEntry]) -> dict[str, Any]:
    return {
        "input": step.public,
        "status": step.status,
        "result": step.result,
        "log": [(entry.serial, timestamp(entry.time), entry.kind, entry.text) for entry in log],
        "priority": priority,
        "start_timestamp": timestamp(step.started),
        "exec_timestamp": timestamp(step.executed),
        "end_timestamp": timestamp(step.ended),
    }


def _by_step(job: Job, log: Sequence[LogEntry]) -> list[list[LogEntry]]:
    """A line belongs to the last step that had begun when it was written."""
    lines: list[list[LogEntry]] = [[] for _ in job.steps]
    for entry in log:
        begun = [
            place for place, step in enumerate(job.steps) if step.started is not None and step.started <= entry.time
        ]
        lines[begun[-1] if begun else 0].append(entry)
    return lines


def _shorter(job: Job, log: Sequence[LogEntry]) -> Iterator[bytes]:
    yield _encode(job_form(job, log))
    form = job_form(job, ())
    yield _encode(form)
    for step in form["ops"]:
        step["input"] = {"OP_ID": msgspec.json.decode(step["input"])["OP_ID"]}
        step["result"] = None
    yield _encode(form)
    form["ops"] = []
    yield _encode(form)
