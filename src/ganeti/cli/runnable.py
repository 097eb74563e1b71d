# SPDX-License-Identifier: BSD-2-Clause
"""What a command line can run, and what is derived from its declaration.

Most commands are an operation, as it is. The others are a Local: lists, bootstrap, what shows a result in
its own way or combines several operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ganeti.cli import selection
from ganeti.cli.options import ALWAYS, COMMON, FORCE, option_of
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.jobs.operation import JobOperation


@dataclass(frozen=True, slots=True)
class Local:
    """``run`` takes the session and the values by name, and returns the exit status.

    ``job``: it submits jobs, so it has --submit, --priority and so on. ``help`` is for people.
    """

    command: Command
    help: str
    run: Callable[[Session, dict[str, Any]], int]
    job: bool = False


# What options say of the run of a command, not of what it does.
_ABOUT_THE_RUN = {option.dest for option in (*COMMON, *ALWAYS, *selection.OPTIONS)}

Runnable = Local | type[JobOperation[Any]]


def presented(operation: type[JobOperation[Any]], run: Callable[[Session, dict[str, Any]], int]) -> Local:
    """The command of an operation whose results ``run`` shows in its own way."""
    command = command_of(operation)
    own = Command(command.script, command.name, command.arguments, own_options(operation), usage=command.usage)
    return Local(own, help_of(operation), run, job=True)


def options_of(runnable: Runnable) -> tuple[Option, ...]:
    """All options of a command, in the order of its help."""
    if isinstance(runnable, Local):
        return (*runnable.command.options, *(COMMON if runnable.job else ()), *ALWAYS)
    return (*own_options(runnable), *COMMON, *ALWAYS)


def own_options(operation: type[JobOperation[Any]]) -> tuple[Option, ...]:
    """The options of an operation's command, without those that every command has."""
    command, parameters = command_of(operation), operation.parameters()
    derived = [option_of(parameter) for parameter in parameters.values() if parameter.flags]
    asked = (FORCE,) if command.question and "force" not in parameters else ()
    return (*asked, *command.options, *derived, *(selection.OPTIONS if command.per_instance else ()))


def command_of(runnable: Runnable) -> Command:
    command = runnable.command
    assert command is not None  # noqa: S101 - what is in the table of commands has one; tests/house checks it
    return command


def help_of(runnable: Runnable) -> str:
    text = runnable.help if isinstance(runnable, Local) else runnable.__doc__ or ""
    return " ".join(text.split())


def parameters_from(operation: type[JobOperation[Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's parameters among the values of a command line. Raises TypeError for a value that is no such."""
    command, known = command_of(operation), operation.parameters()
    composed = command.compose(values) if command.compose else values
    given = {name: value for name, value in composed.items() if value is not None}
    unknown = given.keys() - known.keys() - _ABOUT_THE_RUN - ({"force"} if command.question else set())
    if unknown:
        raise TypeError(f"'{command.script} {command.name}' sets {', '.join(sorted(unknown))}, no parameter of its own")
    return {name: value for name, value in given.items() if name in known}
