# SPDX-License-Identifier: BSD-2-Clause
"""What a command line can run, and what follows from its declaration.

Most commands are simply an operation. The others are a Local: lists, bootstrap, and commands that format
results or combine several operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganeti.cli import selection
from ganeti.cli.options import ALWAYS, COMMON, FORCE, option_of
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.declare.operation import COMMON_PARAMETERS
from ganeti.errors import EXIT_FAILURE
from ganeti.jobs.operation import JobOperation


@dataclass(frozen=True, slots=True)
class Local:
    """``run`` takes the session and the values by name, and returns the exit status.

    ``job``: it submits jobs, so it has --submit, --priority and so on. ``help``: its description.
    """

    command: Command
    help: str
    run: Callable[[Session, dict[str, Any]], int]
    job: bool = False


# Options about how a command is run, not about what it does.
_ABOUT_THE_RUN = {option.dest for option in (*COMMON, *ALWAYS, *selection.OPTIONS)}


@dataclass(frozen=True, slots=True)
class OperationCommand:
    """One of an operation's commands, as it is declared."""

    command: Command
    operation: type[JobOperation[Any]]


Runnable = Local | OperationCommand


def presented(operation: type[JobOperation[Any]], show: Callable[[Session, Any], int]) -> Local:
    """The only command of an operation; ``show`` prints its result and returns the exit status.

    ``show`` is not called without a result: if the job is not waited for, or with --dry-run.
    """
    (command,) = operation.commands
    runnable = OperationCommand(command, operation)

    def run(session: Session, values: dict[str, Any]) -> int:
        from ganeti.cli import follow  # noqa: PLC0415 - lists follow nothing

        if not confirmed(session, command):
            return EXIT_FAILURE
        results = follow.run(session, operation.wire_name(), parameters_from(runnable, values))
        return 0 if results is None or results[0] is None else show(session, results[0])

    own = replace(command, options=own_options(runnable), compose=None, fixed={})
    return Local(own, help_of(runnable), run, job=True)


def modified(kind: str, named_by: str) -> Callable[[Session, Any], int]:
    """The presentation of an operation whose result is pairs (changed setting, new value).

    ``named_by`` is the parameter with the name of the object.
    """

    def show(session: Session, changes: list[Any]) -> int:
        if changes:
            session.say(f"Modified {kind} {session.values[named_by]}")
        for what, value in changes:
            session.say(f" - {what} -> {value}")
        return 0

    return show


def said(session: Session, text: str) -> int:
    """The presentation of an operation whose result is a string."""
    session.say(text)
    return 0


def confirmed(session: Session, command: Command) -> bool:
    """Whether a command's question was answered with yes, or need not be asked."""
    if not command.question or session.values.get(command.answered_by) or session.values.get("dry_run"):
        return True
    return session.confirm(command.question.format(**session.values))


def options_of(runnable: Runnable) -> tuple[Option, ...]:
    """All options of a command, in the order of its help."""
    if isinstance(runnable, OperationCommand):
        return (*own_options(runnable), *(() if runnable.command.at_once else COMMON), *ALWAYS)
    return (*runnable.command.options, *(COMMON if runnable.job else ()), *ALWAYS)


def own_options(runnable: OperationCommand) -> tuple[Option, ...]:
    """The options of an operation's command, without those that every command has."""
    command, parameters = runnable.command, runnable.operation.parameters()
    settled = {*command.fixed, *(COMMON_PARAMETERS if command.at_once else ())}
    derived = [
        option_of(parameter) for name, parameter in parameters.items() if parameter.flags and name not in settled
    ]
    asked = (FORCE,) if command.question and command.answered_by == "force" and "force" not in parameters else ()
    return (*asked, *command.options, *derived, *(selection.OPTIONS if command.per_instance else ()))


def help_of(runnable: Runnable) -> str:
    if isinstance(runnable, Local):
        return runnable.help
    return " ".join((runnable.command.help or runnable.operation.__doc__ or "").split())


def parameters_from(runnable: OperationCommand, values: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's parameters among the values of a command line, and those fixed by the command.

    Raises TypeError for a value that no parameter has the name of.
    """
    command, known = runnable.command, runnable.operation.parameters()
    composed = {**(command.compose(values) if command.compose else values), **command.fixed}
    given = {name: value for name, value in composed.items() if value is not None}
    unknown = given.keys() - known.keys() - _ABOUT_THE_RUN - ({command.answered_by} if command.question else set())
    if unknown:
        raise TypeError(f"'{command.script} {command.name}' sets {', '.join(sorted(unknown))}, no parameter of its own")
    return {name: value for name, value in given.items() if name in known}
