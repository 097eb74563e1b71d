# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-debug submit-job``: jobs from files."""

from __future__ import annotations

import time
from typing import Any

from ganeti.cli import follow
from ganeti.cli.json_file import read_objects
from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_FAILURE, WrongInput
from ganeti.luxi.protocol import Method

_MOST = 10_000  # operations of one run


def _submit_job(session: Session, values: dict[str, Any]) -> int:
    jobs = _jobs(session, values)
    began = time.monotonic()
    numbers = _submitted(session, jobs, each=bool(values.get("each")))
    submitted = time.monotonic()
    if values.get("verbose") or values.get("submit_only") or values.get("print_jobid"):
        session.say(f"Submitted jobs {', '.join(map(str, numbers))}")
    good = True
    if not values.get("submit_only"):
        good = follow.follow_each(session, [(number, "") for number in numbers], told=bool(values.get("verbose")))
    ended = time.monotonic()
    if values.get("timing_stats"):
        session.say(f"C:op     {sum(map(len, jobs)):4d}")
        session.say(f"C:job    {len(jobs):4d}")
        session.say(f"T:submit {submitted - began:4.4f}")
        session.say(f"T:exec   {ended - submitted:4.4f}")
        session.say(f"T:total  {ended - began:4.4f}")
    return 0 if good else EXIT_FAILURE


def _jobs(session: Session, values: dict[str, Any]) -> list[list[dict[str, Any]]]:
    times, job_times = values.get("rep_op", 1), values.get("rep_job", 1)
    if times < 1 or job_times < 1:
        raise WrongInput("--op-repeat and --job-repeat: give 1 or more")
    files = [read_objects(name, "operation") for name in values["files"]]
    if (count := sum(map(len, files)) * times * job_times) > _MOST:
        raise WrongInput(f"These are {count} operations; at most {_MOST} can be submitted at once")
    about = {"dry_run": True} if values.get("dry_run") else {}
    jobs = [[follow.completed(session, {**operation, **about}) for operation in file] * times for file in files]
    return [job for job in jobs for _ in range(job_times)]


def _submitted(session: Session, jobs: list[list[dict[str, Any]]], *, each: bool) -> list[int]:
    if each:
        return [session.client.call(Method.SUBMIT_JOB, job) for job in jobs]
    return follow.submit_jobs(session, jobs)


SUBMIT_JOB = Local(
    Command(
        "gnt-debug",
        "submit-job",
        (Argument("files", "JSON files, each with the list of the operations of a job", "+", completes="file"),),
        (
            Option(("--op-repeat",), "Repeat each file's operations so often in its job", "int", "rep_op", default=1),
            Option(("--job-repeat",), "Submit each job so often", "int", "rep_job", default=1),
            Option(("-v", "--verbose"), "Show the numbers of the jobs, and which is waited for", "flag"),
            Option(("--timing-stats",), "Show how many there were, and how long it took in seconds", "flag"),
            Option(("--each",), "Submit each job by a request of its own, not all by one", "flag"),
            PREVIEW,
        ),
        usage="[--job-repeat N] [--op-repeat N] <file.json>...",
    ),
    "Submit jobs whose operations are in files, and follow them.",
    _submit_job,
    job=True,
)
