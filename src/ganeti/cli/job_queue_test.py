# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-debug test-jobqueue``: a test of this cluster's job queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganeti.cli import follow
from ganeti.cli.options import PRIORITY
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Command
from ganeti.errors import EXIT_FAILURE
from ganeti.luxi.protocol import Method
from ganeti.model.job import JobStatus
from ganeti.model.timing import FOLLOW, FOLLOW_SLACK

_PAUSE = 3.0  # seconds that a job runs while others wait for it

Operation = dict[str, Any]


def _messages_come_in_order(session: Session) -> str:
    said = [f"message {number}" for number in range(5)]
    number = _submitted(session, [_step(session, log_messages=said, notify_waitlock=True, notify_exec=True)])
    status, _, log = _ended(session, number)
    if status != JobStatus.SUCCESS:
        return f"job {number} ended as '{status}'"
    kept = [text for text in log if text in said]
    return "" if kept == said else f"the log of job {number} has {kept}"


def _what_comes_after_a_failure_is_not_begun(session: Session) -> str:
    steps = [_step(session), _step(session, fail=True), _step(session, log_messages=["begun"])]
    number = _submitted(session, steps)
    status, opstatus, log = _ended(session, number)
    if (status, opstatus) != (JobStatus.ERROR, ["success", "error", "error"]):
        return f"job {number} ended as '{status}', its steps as {', '.join(opstatus)}"
    return f"job {number} has begun its last step" if "begun" in log else ""


def _dependencies_are_kept(session: Session) -> str:
    failing = _submitted(session, [_step(session, fail=True)])
    strict = _submitted(session, [_step(session, depends=[[failing, ["success"]]])])
    lenient = _submitted(session, [_step(session, depends=[[failing, ["error"]]])])
    found = [_ended(session, number)[0] for number in (failing, strict, lenient)]
    if found == [JobStatus.ERROR, JobStatus.ERROR, JobStatus.SUCCESS]:
        return ""
    return f"jobs {failing}, {strict} and {lenient} ended as {', '.join(found)}"


def _what_waits_can_be_canceled(session: Session) -> str:
    delay = _submitted(session, [follow.prepare(session, "OP_TEST_DELAY", {"duration": _PAUSE})])
    waiting = _submitted(session, [_step(session, depends=[[delay, []]])])
    changed, told = session.client.call(Method.CHANGE_JOB_PRIORITY, waiting, 10)
    if not changed:
        return f"the priority of job {waiting}, which waits, was not changed: {told}"
    canceled, told = session.client.call(Method.CANCEL_JOB, waiting)
    found = [_ended(session, number)[0] for number in (waiting, delay)]
    if canceled and found == [JobStatus.CANCELED, JobStatus.SUCCESS]:
        return ""
    return f"job {waiting} ended as '{found[0]}' ({told}), and job {delay}, for which it waited, as '{found[1]}'"


def _many_at_once_all_end(session: Session) -> str:
    numbers = follow.submit_many(session, [_step(session, log_messages=["x"]) for _ in range(20)])
    lost = [str(number) for number in numbers if _ended(session, number)[0] != JobStatus.SUCCESS]
    return f"jobs {', '.join(lost)} have not succeeded" if lost else ""


_TESTS: dict[str, Callable[[Session], str]] = {
    "messages come in order": _messages_come_in_order,
    "what comes after a failure is not begun": _what_comes_after_a_failure_is_not_begun,
    "dependencies are kept": _dependencies_are_kept,
    "what waits can be canceled": _what_waits_can_be_canceled,
    "many jobs at once all end": _many_at_once_all_end,
}


def _test_jobqueue(session: Session, values: dict[str, Any]) -> int:
    del values
    failed = False
    for title, test in _TESTS.items():
        problem = test(session)
        session.say(f"{title}: {problem or 'ok'}")
        failed = failed or bool(problem)
    return EXIT_FAILURE if failed else 0


def _step(session: Session, **parameters: Any) -> Operation:
    return follow.prepare(session, "OP_TEST_JQUEUE", parameters)


def _submitted(session: Session, operations: list[Operation]) -> int:
    number: int = session.client.call(Method.SUBMIT_JOB, operations)
    return number


def _ended(session: Session, number: int) -> tuple[str, list[str], list[str]]:
    """How a job ends: its status, those of its steps, and the lines of its log."""
    previous, serial, lines = None, -1, []
    while previous is None or not JobStatus(previous[0]).final:
        answer = session.client.call(
            Method.WAIT_FOR_JOB_CHANGE,
            number,
            ["status", "opstatus"],
            previous,
            serial,
            FOLLOW,
            timeout=FOLLOW + FOLLOW_SLACK,
        )
        if answer != "nochange":
            previous, entries = answer
            lines += [text for _, _, _, text in entries]
            serial = max([serial, *(entry[0] for entry in entries)])
    status, opstatus = previous
    return status, opstatus, lines


TEST_JOBQUEUE = Local(
    Command("gnt-debug", "test-jobqueue", options=(PRIORITY,)),
    "Test the job queue; some of the jobs that this submits are to fail.",
    _test_jobqueue,
)
