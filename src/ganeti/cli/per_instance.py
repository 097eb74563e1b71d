# SPDX-License-Identifier: BSD-2-Clause
"""Running a command's operation once for each selected instance."""

from __future__ import annotations

from ganeti.cli import follow, selection
from ganeti.cli.runnable import OperationCommand, confirmed, parameters_from
from ganeti.cli.session import Session
from ganeti.declare.command import Command
from ganeti.errors import EXIT_CONFIRMATION, EXIT_FAILURE


def run_for_instances(session: Session, runnable: OperationCommand, words: list[str]) -> int:
    mode = session.values.get("multi_mode", "instances")
    names = selection.chosen(session, mode, words)
    if not _confirmed(session, runnable.command, names, several=len(names) > 1 or mode != "instances"):
        return EXIT_CONFIRMATION
    each = [(name, parameters_from(runnable, {**session.values, "instance_name": name})) for name in names]
    jobs = follow.submit_each(session, runnable.operation.wire_name(), each)
    if session.values.get("submit_only"):
        for number, name in jobs:
            session.say(f"{number}: {name}")
        return 0
    if len(jobs) == 1:
        number, name = jobs[0]
        session.say(f"Waiting for job {number} for {name} ...")
        follow.follow(session, number)
        return 0
    session.say(f"Submitted jobs {', '.join(str(number) for number, _ in jobs)}")
    return 0 if follow.follow_each(session, jobs) else EXIT_FAILURE


def _confirmed(session: Session, command: Command, names: list[str], *, several: bool) -> bool:
    """For several instances there is a question of its own, which includes that of the command."""
    if not several:
        session.values["instance_name"] = names[0]
        return confirmed(session, command)
    if session.values.get("force_multiple") or session.values.get("dry_run"):
        return True
    listed = "\n".join(f"  {name}" for name in names)
    count = "1 instance" if len(names) == 1 else f"{len(names)} instances"
    asked = command.question.format(instance_name="these instances") or "Continue?"
    return session.confirm(f"The {session.command} will operate on {count}.\nAffected instances:\n{listed}\n{asked}")
