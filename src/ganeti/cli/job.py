# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-job``."""

from __future__ import annotations

import re
import time
from typing import Any

from ganeti.cli import follow, tree
from ganeti.cli.listing import HEADERS, SEPARATOR, VERBOSE, columns, field_lister, is_filter, output, show
from ganeti.cli.options import FORCE
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.operation import PRIORITIES
from ganeti.declare.text import parse_age, shortened
from ganeti.errors import EXIT_FAILURE, GanetiError, UnknownEntity, WrongInput
from ganeti.luxi.protocol import Method
from ganeti.model.timing import FOLLOW
from ganeti.query.job import DEFAULT
from ganeti.query.language import parse

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_JOB = Argument("job_id", "ID of the job", completes="job")
_UNFINISHED_JOB = Argument("job_id", "ID of the job", completes="unfinished job")
_JOBS = Argument("job_ids", "IDs of the jobs", "+", completes="job")
_FINISHED_JOBS = Argument("job_ids", "IDs of the jobs", "+", completes="finished job")
_SOME_JOBS = Argument("job_ids", "IDs of the jobs", "*", completes="job")
_UNFINISHED_JOBS = Argument("job_ids", "IDs of the jobs", "*", completes="unfinished job")
_PENDING = ["canceling", "queued", "waiting"]
_STATUS_OPTIONS = (
    Option(("--pending",), "All jobs that have not started", kind="flag", name="status_filter", const=_PENDING),
    Option(("--queued",), "All queued jobs", kind="flag", name="status_filter", const=["queued"]),
    Option(("--waiting",), "All jobs waiting for locks", kind="flag", name="status_filter", const=["waiting"]),
)
_LIST_OPTIONS = (
    Option(("--pending",), "Only jobs that have not started", kind="flag", name="status_filter", const=_PENDING),
    Option(("--running",), "Only running jobs", kind="flag", name="status_filter", const=["running"]),
    Option(("--error",), "Only failed jobs", kind="flag", name="status_filter", const=["error"]),
    Option(
        ("--finished",),
        "Only finished jobs",
        kind="flag",
        name="status_filter",
        const=["canceled", "error", "success"],
    ),
    Option(("--archived",), "Include archived jobs", kind="flag"),
    Option(("-F", "--filter"), "Treat the argument as a filter, such as 'status == \"error\"'", kind="flag"),
)
_INFO_FIELDS = ["id", "status", "ops", "opresult", "opstatus", "oplog", "opstart", "opexec", "opend"]
_INFO_FIELDS += ["received_ts", "start_ts", "end_ts", "submitter"]


_EXEC = "OP_INSTANCE_EXEC"
_NOT_FOUND = "Job ID {} not found"


def _numbers(words: list[str]) -> list[int]:
    wrong = [word for word in words if not _NUMBER.fullmatch(word)]
    if wrong:
        raise WrongInput(f"'{shortened(wrong[0])}' is not a job ID")
    return [int(word) for word in words]


def _list(session: Session, values: dict[str, Any]) -> int:
    words = values.get("job_ids") or []
    conditions: list[Any] = []
    if words and is_filter(words, values):
        conditions.append(parse(" ".join(words)))
    elif words:
        conditions.append(["|", *(["=", "id", number] for number in _numbers(words))])
    if values.get("status_filter"):
        conditions.append(["|", *(["=", "status", status] for status in values["status_filter"])])
    fields = columns(values, DEFAULT)
    if values.get("archived") and not values.get("output"):
        fields.append("archived")
    condition = ["&", *conditions] if len(conditions) > 1 else next(iter(conditions), None)
    return show(session, values, session.client.call(Method.QUERY, "job", fields, condition))


LIST = Local(
    Command(
        "gnt-job",
        "list",
        (_SOME_JOBS,),
        (HEADERS, SEPARATOR, output("job"), VERBOSE, *_LIST_OPTIONS),
        usage="[<job-id>...]",
    ),
    f"List jobs. 'list-fields' shows all columns; the default ones are: {', '.join(DEFAULT)}.",
    _list,
)
LIST_FIELDS = field_lister("gnt-job", "job")


def _info(session: Session, values: dict[str, Any]) -> int:
    numbers = _numbers(values["job_ids"])
    rows = session.client.call(Method.QUERY_JOBS, numbers, _INFO_FIELDS)
    descriptions = []
    missing = False
    for number, row in zip(numbers, rows, strict=True):
        if row is None:
            session.warn(_NOT_FOUND.format(number))
            missing = True
        else:
            descriptions.append(_description(dict(zip(_INFO_FIELDS, row, strict=True))))
    if descriptions:
        session.say("\n".join(tree.render(descriptions)))
    return EXIT_FAILURE if missing else 0


INFO = Local(
    Command("gnt-job", "info", (_JOBS,), usage="<job-id> [<job-id>...]"), "Show detailed information about jobs.", _info
)


def _description(job: dict[str, Any]) -> Pairs:
    received, start, end = job["received_ts"], job["start_ts"], job["end_ts"]
    return Pairs(
        ("Job ID", job["id"]),
        ("Status", job["status"]),
        ("Submitted by", job["submitter"]),
        ("Received", _moment(received)),
        ("Processing start", _later(start, received)),
        ("Processing end", _later(end, start)),
        ("Total processing time", f"{_seconds(end) - _seconds(received):.6f} seconds" if end else "N/A"),
        ("Opcodes", [_opcode(job, index) for index in range(len(job["ops"]))]),
    )


def _opcode(job: dict[str, Any], index: int) -> Pairs:
    operation = job["ops"][index]
    # A job's log is kept with the job, and shown with its first operation.
    log = job["oplog"][0] if index == 0 else []
    return Pairs(
        ("Opcode", operation["OP_ID"]),
        ("Status", job["opstatus"][index]),
        ("Processing start", _moment(job["opstart"][index])),
        ("Execution start", _moment(job["opexec"][index])),
        ("Processing end", _moment(job["opend"][index])),
        ("Input fields", {name: operation[name] for name in sorted(operation)}),
        ("Result", job["opresult"][index]),
        (
            "Execution log",
            [Pairs(("Time", _moment(at)), ("Content", tree.Flow(n, kind, text))) for n, at, kind, text in log],
        ),
    )


def _seconds(stamp: list[int]) -> float:
    return stamp[0] + stamp[1] / 1_000_000


def _moment(stamp: list[int] | None) -> str:
    if stamp is None:
        return "N/A"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp[0])) + f".{stamp[1]:06}"


def _later(stamp: list[int] | None, before: list[int] | None) -> str:
    if stamp is None or before is None:
        return "N/A"
    return f"{_moment(stamp)} (delta {_seconds(stamp) - _seconds(before):.6f}s)"


def _is_there(session: Session, number: int) -> bool:
    """Whether the job exists; warns if it does not."""
    (row,) = session.client.call(Method.QUERY_JOBS, [number], ["id"])
    if row is None:
        session.warn(_NOT_FOUND.format(number))
    return row is not None


def _watch(session: Session, values: dict[str, Any]) -> int:
    (number,) = _numbers([values["job_id"]])
    if not _is_there(session, number):
        return EXIT_FAILURE
    title = f"Output from job {number} follows"
    session.say(f"{title}\n{'-' * len(title)}")
    results = follow.follow(session, number)
    ((operations,),) = session.client.call(Method.QUERY_JOBS, [number], ["ops"])
    for operation, result in zip(operations, results, strict=True):
        if operation["OP_ID"] == _EXEC and result is not None:  # what it wrote is its result, not the job's log
            from ganeti.cli.instance_exec import told  # noqa: PLC0415 - seldom

            told(session, result)
    return 0


WATCH = Local(
    Command("gnt-job", "watch", (_UNFINISHED_JOB,), usage="<job-id>"), "Show the output of a job until it ends.", _watch
)


def _wait(session: Session, values: dict[str, Any]) -> int:
    (number,) = _numbers([values["job_id"]])
    if not _is_there(session, number):
        return EXIT_FAILURE
    previous = None
    while True:
        answer = session.client.call(Method.WAIT_FOR_JOB_CHANGE, number, ["status"], previous, 1 << 30, FOLLOW)
        if answer is None:
            raise UnknownEntity(_NOT_FOUND.format(number))
        if answer != "nochange":
            previous = answer[0]
        if previous and previous[0] in ("success", "error", "canceled"):
            return 0 if previous[0] == "success" else EXIT_FAILURE


WAIT = Local(
    Command("gnt-job", "wait", (_UNFINISHED_JOB,), usage="<job-id>"),
    "Wait for a job to end, without printing its output. The exit status tells whether it succeeded.",
    _wait,
)


def _chosen(session: Session, values: dict[str, Any], what: str) -> list[int] | None:
    """The jobs that numbers or a status name; None if the user said no."""
    words, statuses = values.get("job_ids") or [], values.get("status_filter")
    if bool(words) == bool(statuses):
        raise WrongInput("Give either job IDs or one of --pending, --queued, --waiting")
    if words:
        return _numbers(words)
    condition = ["|", *(["=", "status", status] for status in statuses or ())]
    numbers = [row[0] for row in session.query("job", ["id"], condition)]
    listed = ", ".join(map(str, numbers))
    if numbers and not values.get("force") and not session.confirm(f"{what} job(s) {listed}?"):
        return None
    return numbers


def _cancel(session: Session, values: dict[str, Any]) -> int:
    if values.get("kill") and not values.get("yes_do_it"):
        raise WrongInput("--kill needs --yes-do-it")
    numbers = _chosen(session, values, "Cancel")
    if numbers is None:
        return EXIT_FAILURE
    status = _each(session, numbers, lambda number: session.client.call(Method.CANCEL_JOB, number))
    if status and values.get("kill"):
        session.warn(
            "A running job is no process of its own that could be killed; it goes on to the end of its operation"
        )
    return status


CANCEL = Local(
    Command(
        "gnt-job",
        "cancel",
        (_UNFINISHED_JOBS,),
        (
            FORCE,
            Option(
                ("--kill",), "Accepted for compatibility; a running job is no process that could be killed", kind="flag"
            ),
            Option(("--yes-do-it", "--ya-rly"), "Confirm --kill", kind="flag"),
            *_STATUS_OPTIONS,
        ),
        usage="{--pending | --queued | --waiting | <job-id>...}",
    ),
    "Cancel jobs that have not started; one of several operations ends after the current one.",
    _cancel,
)


def _change_priority(session: Session, values: dict[str, Any]) -> int:
    if not values.get("new_priority"):
        raise WrongInput("--priority is missing: low, normal or high")
    numbers = _chosen(session, values, f"Change the priority to {values['new_priority']} for")
    if numbers is None:
        return EXIT_FAILURE
    priority = PRIORITIES[values["new_priority"]]
    return _each(session, numbers, lambda number: session.client.call(Method.CHANGE_JOB_PRIORITY, number, priority))


CHANGE_PRIORITY = Local(
    Command(
        "gnt-job",
        "change-priority",
        (_UNFINISHED_JOBS,),
        (
            Option(("--priority",), "The new priority", choices=("low", "normal", "high"), name="new_priority"),
            FORCE,
            *_STATUS_OPTIONS,
        ),
        usage="--priority PRIORITY {--pending | <job-id>...}",
    ),
    "Change the priority of queued and waiting jobs.",
    _change_priority,
)


def _each(session: Session, numbers: list[int], act: Any) -> int:
    good = True
    for number in numbers:
        try:
            done, told = act(number)
        except GanetiError as error:
            done, told = False, error.message
        (session.say if done else session.warn)(told)
        good = good and done
    return 0 if good else EXIT_FAILURE


def _archive(session: Session, values: dict[str, Any]) -> int:
    good = True
    for number in _numbers(values["job_ids"]):
        if not session.client.call(Method.ARCHIVE_JOB, number):
            session.warn(f"Failed to archive job with ID '{number}'")
            good = False
    return 0 if good else EXIT_FAILURE


ARCHIVE = Local(
    Command("gnt-job", "archive", (_FINISHED_JOBS,), usage="<job-id> [<job-id>...]"), "Archive finished jobs.", _archive
)


def _autoarchive(session: Session, values: dict[str, Any]) -> int:
    age = -1.0 if values["age"] == "all" else parse_age(values["age"], "age")
    archived, left = session.client.call(Method.AUTO_ARCHIVE_JOBS, age, 60)
    session.say(f"Archived {archived} jobs, {left} unchecked left")
    return 0


AUTOARCHIVE = Local(
    Command("gnt-job", "autoarchive", (Argument("age", "Age: 1d, 1w, 4w, ... or all"),), usage="<age>"),
    "Archive all jobs that finished longer ago than an age.",
    _autoarchive,
)
