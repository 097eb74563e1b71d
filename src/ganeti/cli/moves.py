# SPDX-License-Identifier: BSD-2-Clause
"""Following jobs about instances, one per instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganeti.cli import follow
from ganeti.cli.session import Session
from ganeti.errors import EXIT_FAILURE
from ganeti.luxi.protocol import Method


def following(nothing: str, done: str, failed: str) -> Callable[[Session, Any], int]:
    """How the jobs that an operation has submitted are reported; tools search for these sentences."""

    def show(session: Session, submitted: dict[str, Any]) -> int:
        return followed(session, _with_instances(session, submitted["jobs"]), nothing, done, failed)

    return show


def _with_instances(session: Session, jobs: list[list[Any]]) -> list[tuple[int, str]]:
    """Jobs with their instances."""
    numbers = [number for _, number in jobs]
    rows = session.client.call(Method.QUERY_JOBS, numbers, ["ops"]) if numbers else []
    return [
        (number, row[0][0].get("instance_name", "") if row else "") for number, row in zip(numbers, rows, strict=True)
    ]


def followed(session: Session, jobs: list[tuple[int, str]], nothing: str, done: str, failed: str) -> int:
    """The exit status. Jobs that only tell what they would do have done nothing that could be reported."""
    if not jobs:
        session.say(nothing.format(**session.values))
        return 0
    session.say(f"Submitted jobs {', '.join(str(number) for number, _ in jobs)}")
    if follow.follow_each(session, jobs):
        if session.values.get("dry_run"):
            return 0
        session.say(done.format(**session.values))
        return 0
    session.warn(failed)
    return EXIT_FAILURE
