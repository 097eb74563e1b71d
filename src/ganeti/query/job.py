# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-job list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ganeti.declare.field import BOOL, NUMBER, OTHER, TEXT
from ganeti.model.job import Job, LogEntry, Step
from ganeti.query.column import Column, Columns, column


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with its log; ``archived`` if it is archived."""

    job: Job
    log: list[LogEntry]
    archived: bool = False
    progress: tuple[float, float, str] | None = None


def timestamp(moment: float | None) -> tuple[int, int] | None:
    """(seconds, microseconds), the wire form of jobs' times."""
    if moment is None:
        return None
    microseconds = round(moment * 1_000_000)
    return microseconds // 1_000_000, microseconds % 1_000_000


def log_entries(row: JobRow) -> list[tuple[int, tuple[int, int] | None, str, Any]]:
    """(serial, time, kind, text) of each line, in wire form; in the place of the text, what is for programs."""
    return [(entry.serial, timestamp(entry.time), entry.kind, _payload(entry)) for entry in row.log]


def _payload(entry: LogEntry) -> Any:
    return entry.text if entry.kind == "message" else msgspec.json.decode(entry.text)


def _steps(value: Callable[[Step], Any]) -> Callable[[JobRow], list[Any]]:
    return lambda row: [value(step) for step in row.job.steps]


_COLUMNS: list[Column[JobRow]] = [
    column("id", "ID", NUMBER, "Job number", lambda row: row.job.id),
    column("status", "Status", TEXT, "How far it is", lambda row: str(row.job.status)),
    column(
        "priority",
        "Priority",
        NUMBER,
        "Priority, -20 to 19; the lower the number, the sooner it runs",
        lambda row: row.job.priority,
    ),
    column("archived", "Archived", BOOL, "Whether the job is archived", lambda row: row.archived),
    column("ops", "OpCodes", OTHER, "Operations", _steps(lambda step: msgspec.json.decode(step.public))),
    column("opresult", "OpCode_result", OTHER, "Their results", _steps(lambda step: step.result)),
    column("opstatus", "OpCode_status", OTHER, "Status of each opcode", _steps(lambda step: str(step.status))),
    column("oplog", "OpCode_log", OTHER, "What they said", lambda row: [log_entries(row)]),
    column(
        "opstart",
        "OpCode_start",
        OTHER,
        "When each opcode began to wait for locks",
        _steps(lambda step: timestamp(step.started)),
    ),
    column(
        "opexec",
        "OpCode_exec",
        OTHER,
        "When each opcode had its locks",
        _steps(lambda step: timestamp(step.executed)),
    ),
    column("opend", "OpCode_end", OTHER, "When each opcode ended", _steps(lambda step: timestamp(step.ended))),
    column(
        "oppriority",
        "OpCode_prio",
        OTHER,
        "Priority of each opcode",
        lambda row: [row.job.priority] * len(row.job.steps),
    ),
    column("summary", "Summary", OTHER, "Summary of the opcodes", lambda row: row.job.summary),
    column("submitter", "Submitter", TEXT, "Who submitted the job", lambda row: row.job.caller.name),
    column("received_ts", "Received", OTHER, "When the job was submitted", lambda row: timestamp(row.job.received)),
    column("start_ts", "Start", OTHER, "When it began", lambda row: timestamp(row.job.started)),
    column("end_ts", "End", OTHER, "When it ended", lambda row: timestamp(row.job.ended)),
    column(
        "progress",
        "Progress",
        OTHER,
        "Progress of the current opcode: done, total, unit",
        lambda row: row.progress,
    ),
]

JOBS: Columns[JobRow] = Columns(_COLUMNS, name="id")
DEFAULT = ("id", "status", "summary")
