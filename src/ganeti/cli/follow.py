# SPDX-License-Identifier: BSD-2-Clause
"""Submitting jobs and following them to their end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from ganeti import errors
from ganeti.cli.failures import for_reading
from ganeti.cli.progress import ProgressLine
from ganeti.cli.session import Session
from ganeti.declare.operation import PRIORITIES
from ganeti.errors import Canceled, ExecutionFailed, UnknownEntity
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus
from ganeti.model.timing import FOLLOW, FOLLOW_SLACK

_FIELDS = ["status", "opstatus", "opresult", "progress"]
_WAITING = {
    "queued": "Job {} is waiting in queue",
    "waiting": "Job {} is trying to acquire all necessary locks",
}
# Seconds after which a job's waiting, in the queue or for locks, is reported.
_GRACE = 5.0


def prepare(session: Session, wire_name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """An operation for submission, with the options common to all commands."""
    return completed(session, {"OP_ID": wire_name, **parameters})


def completed(session: Session, operation: dict[str, Any]) -> dict[str, Any]:
    """Likewise, for an operation that was read from a file."""
    operation = {**operation, "reason": [*(operation.get("reason") or ()), *session.reason()]}
    if session.values.get("priority_name"):
        operation["priority"] = PRIORITIES[session.values["priority_name"]]
    if session.values.get("debug"):
        operation["debug_level"] = session.values["debug"]
    return operation


def run(session: Session, wire_name: str, parameters: dict[str, Any]) -> list[Any] | None:
    """Submit a job of one operation and follow it; its results, or None if it is not waited for."""
    return run_all(session, [(wire_name, parameters)])


def run_all(session: Session, operations: Sequence[tuple[str, dict[str, Any]]]) -> list[Any] | None:
    """Likewise, a job of several operations."""
    prepared = [prepare(session, wire_name, parameters) for wire_name, parameters in operations]
    number = session.client.call(Method.SUBMIT_JOB, prepared)
    if session.values.get("print_jobid"):
        session.say(str(number))
    if session.values.get("submit_only"):
        if not session.values.get("print_jobid"):
            session.say(f"JobID: {number}")
        return None
    return follow(session, number)


def check(session: Session, wire_name: str, parameters: dict[str, Any]) -> None:
    """Have an operation checked only, silently. Raises the error that it is refused with."""
    follow(session, submit(session, wire_name, {**parameters, "dry_run": True}), told=False)


def submit(session: Session, wire_name: str, parameters: dict[str, Any]) -> int:
    """Submit a job of one operation; its number."""
    number: int = session.client.call(Method.SUBMIT_JOB, [prepare(session, wire_name, parameters)])
    return number


def follow(session: Session, number: int, *, told: bool = True) -> list[Any]:
    """Show what a job says (``told``) until it ends; its results. Raises the error that it ended with."""
    try:
        status, opstatus, results = _end(session, number, told=told)
    except KeyboardInterrupt:
        raise _interrupted([number]) from None
    if status == "success":
        return results
    if status == "canceled":
        raise Canceled("Job was canceled")
    failed = next(index for index, one in enumerate(opstatus) if one == "error")
    raise errors.decode(results[failed])


def _end(session: Session, number: int, *, told: bool) -> tuple[str, list[str], list[Any]]:
    watch = _Watch(session, number, log=told)
    with ProgressLine() as progress:
        while True:
            looked = watch.look(progress)
            if JobStatus(looked[0]).final:
                return looked


def _interrupted(numbers: Sequence[int]) -> KeyboardInterrupt:
    jobs = ", ".join(map(str, numbers))
    told = f"Job {jobs} goes on" if len(numbers) == 1 else f"Jobs {jobs} go on"
    return KeyboardInterrupt(f"\nAborted. {told} in the background; 'gnt-job watch {numbers[0]}' follows it")


def follow_each(session: Session, jobs: Sequence[tuple[int, str]], *, told: bool = True) -> bool:
    """Follow jobs, each with its subject, one after the other; whether all succeeded.

    ``told``: report which of them is being waited for.
    """
    good = True
    for index, (number, about) in enumerate(jobs):
        if told:
            session.say(f"Waiting for job {number}{' for ' + about if about else ''} ...")
        try:
            follow(session, number)
        except errors.GanetiError as error:
            session.warn(f"Job {number}{' for ' + about if about else ''} has failed: {error.message}")
            good = False
        except KeyboardInterrupt:
            raise _interrupted([number for number, _ in jobs[index:]]) from None
    return good


class _Watch:
    """What has been shown of a job so far. ``log``: its log is shown."""

    def __init__(self, session: Session, number: int, *, log: bool) -> None:
        self._session = session
        self._log = log
        self._number = number
        self._previous: Any = None
        self._serial = -1
        self._since = time.monotonic()
        self._told = ""

    def look(self, progress: ProgressLine) -> tuple[str, list[str], list[Any]]:
        """Wait for news and show them; the job's status, those of its steps, and their results."""
        timeout = _GRACE if self._previous is None or self._previous[0] in _WAITING else FOLLOW
        answer = self._session.client.call(
            Method.WAIT_FOR_JOB_CHANGE,
            self._number,
            _FIELDS,
            self._previous,
            self._serial,
            timeout,
            timeout=timeout + FOLLOW_SLACK,
        )
        if answer is None:
            raise UnknownEntity(f"Job {self._number} not found")
        if answer != "nochange":
            self._previous, entries = answer
            for serial, moment, kind, text in entries:
                self._serial = serial
                if self._log and kind == "message":
                    progress.clear()
                    preview = self._session.values.get("dry_run")  # of what does not happen, when does not matter
                    self._session.say(for_reading(text, sys.stdout) if preview else f"{time.ctime(moment[0])} {text}")
            sys.stdout.flush()
        status, opstatus, results, how_far = self._previous
        self._explain_waiting(status)
        progress.show(how_far)
        return status, opstatus, results

    def _explain_waiting(self, status: str) -> None:
        if status in _WAITING and status != self._told and time.monotonic() - self._since >= _GRACE:
            self._session.warn(_WAITING[status].format(self._number))
            self._told = status


def submit_many(session: Session, operations: Sequence[dict[str, Any]]) -> list[int]:
    """Each operation as a job of its own; their numbers. Raises ExecutionFailed if one is not accepted."""
    return submit_jobs(session, [[operation] for operation in operations])


def submit_each(session: Session, wire_name: str, each: Sequence[tuple[str, dict[str, Any]]]) -> list[tuple[int, str]]:
    """A job of one operation for each thing: its number and its subject. See ``submit_many``."""
    if not each:
        return []
    operations = [prepare(session, wire_name, parameters) for _, parameters in each]
    return [(number, about) for number, (about, _) in zip(submit_many(session, operations), each, strict=True)]


def submit_jobs(session: Session, jobs: Sequence[Sequence[dict[str, Any]]]) -> list[int]:
    """Jobs, each a list of operations, with one request; see ``submit_many``."""
    answers = session.client.call(Method.SUBMIT_MANY_JOBS, jobs)
    for accepted, what in answers:
        if not accepted:
            raise ExecutionFailed(f"A job could not be submitted: {what}")
    return [number for _, number in answers]
