# SPDX-License-Identifier: BSD-2-Clause
"""How a command of the ``gnt-*`` scripts is declared.

Most of a command derives from its operation: flags from the parameters that name some, help from the
docstring. The rest is here: positional arguments, and the quirks of the old command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Takes the values of flags and arguments by name, returns the operation's parameters.
Compose = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument. ``completes`` as in an Option."""

    name: str
    help: str
    count: Literal["1", "?", "*", "+"] = "1"
    completes: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A flag that is not a single parameter of the operation.

    ``kind``: how its text is parsed, see ``ganeti.declare.text``; "lines" are those of the named file.
    ``completes``: what shell completion offers besides ``choices``, a kind of object or a list;
    see ``ganeti.cli.completion``. ``hidden``: it is parsed, but refused later with a reason, and not documented;
    ``refused``: likewise for these values besides the ``choices``.
    """

    flags: tuple[str, ...]
    help: str
    kind: Literal[
        "flag",
        "no-flag",
        "text",
        "int",
        "float",
        "bool",
        "size",
        "list",
        "lines",
        "keyval",
        "identkeyval",
        "json",
        "count",
    ] = "text"
    name: str = ""
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    repeat: bool = False
    completes: str | None = None
    const: Any = None
    hidden: bool = False
    refused: tuple[str, ...] = ()

    @property
    def dest(self) -> str:
        """The name of its value: by default the first long flag's."""
        long = next((flag for flag in self.flags if flag.startswith("--")), self.flags[0])
        return self.name or long.lstrip("-").replace("-", "_")


# For commands that used to submit a job, and now only read.
NO_JOB = Option(
    ("--priority",),
    "Accepted for compatibility; the command submits no job",
    choices=("low", "normal", "high"),
    name="priority_name",
)


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command of a script.

    ``question``: asked before anything is done, except with ``--force``, which a command with a question gets
    automatically, or with the option ``answered_by``; it may use the values of the arguments (``{instance_name}``,
    which may be "these instances" if it is ``per_instance``). ``per_instance``: runs once for each instance that
    the selection flags (--node, --primary, --tags ...) or the arguments pick. ``fixed``: parameters that the command
    sets. ``help``: its description, if that is not the operation's own. ``at_once``: the result is read without a job,
    and shown one item per line; ``if_empty`` is the exit status if it is empty. ``runs``: its last argument is a
    command of another program, so options end where the arguments begin.
    """

    script: str
    name: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    compose: Compose | None = None
    question: str = ""
    answered_by: str = "force"
    per_instance: bool = False
    usage: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    help: str = ""
    at_once: bool = False
    if_empty: int = 0
    runs: bool = False
