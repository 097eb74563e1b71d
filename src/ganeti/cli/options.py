# SPDX-License-Identifier: BSD-2-Clause
"""From declared options and arguments to argparse, and from its strings to values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ganeti.cli.given_file import read_given_text
from ganeti.cli.parser import PrintingParser
from ganeti.declare import text
from ganeti.declare.command import Argument, Option
from ganeti.declare.parameter import Parameter
from ganeti.declare.problems import Problems
from ganeti.declare.text import shortened
from ganeti.errors import CommandLineError, WrongInput

_READERS: dict[str, Callable[[str, str], Any]] = {
    "text": lambda given, flag: given,
    "int": text.parse_number,
    "float": lambda given, flag: text.parse_number(given, flag, kind=float),
    "bool": text.parse_bool,
    "size": text.parse_size,
    "list": lambda given, flag: text.parse_list(given),
    "keyval": text.parse_keyval,
    "identkeyval": text.parse_identkeyval,
    "json": text.parse_json,
}
_METAVARS = {
    "int": "N",
    "float": "N",
    "bool": "YES|NO",
    "size": "SIZE",
    "list": "A,B,...",
    "keyval": "KEY=VALUE,...",
    "identkeyval": "ID:KEY=VALUE,...",
    "json": "JSON",
}

# For every command that asks a question.
FORCE = Option(("-f", "--force"), "Do not ask for confirmation", kind="flag", name="force")
PRIORITY = Option(("--priority",), "Priority of the job", choices=("low", "normal", "high"), name="priority_name")
# For commands that are more than an operation, which has it anyway.
PREVIEW = Option(
    ("--dry-run", "--preview"),
    "Check whether it is possible and tell what it would do, but change nothing",
    kind="flag",
)
COMMON = (
    PRIORITY,
    Option(("--submit",), "Submit the job and return without waiting for it", kind="flag", name="submit_only"),
    Option(("--print-jobid",), "Print the job ID first", kind="flag"),
)
ALWAYS = (
    Option(("-d", "--debug"), "Print debug messages; may be given twice", kind="count"),
    Option(("--reason",), "Reason for running the command; kept with the job", name="reason_text", metavar="REASON"),
)


@dataclass(frozen=True, slots=True)
class Given:
    """A command line as far as it can be parsed: arguments, values by name, and problems of the options.

    ``wrong``: the names of values that are left out because of a problem.
    """

    arguments: list[str]
    values: dict[str, Any]
    problems: Problems
    wrong: frozenset[str]


class Parser(PrintingParser):
    """Raises CommandLineError instead of ending the process. ``runs`` as in a Command."""

    runs = False

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(f"{self.prog}: error: {message}; see '{self.prog} --help'")


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=80)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """``-n, --node NODE``: the value once, not after each flag."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def build(prog: str, usage: str, description: str, options: Sequence[Option], *, runs: bool = False) -> Parser:
    """A parser of options; the rest are arguments, see ``take_arguments``. ``runs`` as in a Command."""
    parser = Parser(
        prog=prog, usage=f"{prog} {usage}".strip(), description=description, formatter_class=_Help, add_help=False
    )
    parser.runs = runs
    parser.add_argument("arguments", nargs=argparse.REMAINDER if runs else "*", help=argparse.SUPPRESS)
    group = parser.add_argument_group("options")
    for option in options:
        _add(group, option)
    group.add_argument("-h", "--help", action="help", help="Show this help and exit")
    return parser


def parse(parser: Parser, options: Sequence[Option], words: Sequence[str]) -> Given:
    """Raises CommandLineError for unknown options; invalid values are noted."""
    # Argparse ignores "--" where options and arguments may be mixed.
    words, behind = (words, []) if parser.runs else _cut(words)
    words = _joined(words, {flag for option in options if option.kind == "identkeyval" for flag in option.flags})
    namespace = parser.parse_args(words) if parser.runs else parser.parse_intermixed_args(words)
    values: dict[str, Any] = {}
    problems, wrong = Problems(), set[str]()
    for option in options:
        given = getattr(namespace, option.dest, None)
        if given is None and option.dest not in values:
            given = option.default
        if given is not None:
            wrong.add(option.dest)
            with problems.noted():
                values[option.dest] = _value(option, given)
                wrong.discard(option.dest)
    arguments = namespace.arguments[1:] if parser.runs and namespace.arguments[:1] == ["--"] else namespace.arguments
    return Given([*arguments, *behind], values, problems, frozenset(wrong))


def read_files(options: Sequence[Option], values: dict[str, Any]) -> dict[str, Any]:
    """The lines of the files that options name. Raises WrongInput."""
    named = [option for option in options if option.kind == "lines" and isinstance(values.get(option.dest), str)]
    return {option.dest: _lines(values[option.dest], option.flags[-1]) for option in named}


def option_of(parameter: Parameter) -> Option:
    """The option of an operation's parameter that names flags."""
    kind = _kind(parameter)
    return Option(
        flags=parameter.flags,
        help=parameter.off if kind == "no-flag" else parameter.help,
        kind=kind,  # type: ignore[arg-type]  # one of the kinds
        name=parameter.name,
        metavar=parameter.metavar,
        choices=tuple(str(choice) for choice in parameter.choices) if parameter.kind not in (list, tuple) else (),
        repeat=parameter.kind in (list, tuple),
        completes=parameter.completes,
        hidden=not parameter.supported,
        refused=tuple(map(str, parameter.refused)),
    )


def value_of(option: Option) -> str:
    """The name of an option's value in help and pages."""
    return option.metavar or "|".join(option.choices) or _METAVARS.get(option.kind, "VALUE")


def take_arguments(command: str, arguments: Sequence[Argument], words: Sequence[str]) -> dict[str, Any]:
    """Positional words by name; a list where several are allowed.

    Raises WrongInput for a wrong number, and for one that is not among an argument's choices.
    """
    least = sum(1 for argument in arguments if argument.count in ("1", "+"))
    endless = any(argument.count in ("*", "+") for argument in arguments)
    most = None if endless else len(arguments)
    if len(words) < least or (most is not None and len(words) > most):
        wanted = f"{least}" if most == least else f"at least {least}" if most is None else f"{least} to {most}"
        names = " ".join(f"<{argument.name}>" for argument in arguments)
        raise WrongInput(f"Command {command} expects {wanted} argument(s){': ' + names if names else ''}")
    values: dict[str, Any] = {}
    rest = list(words)
    for argument in arguments:
        if argument.count in ("*", "+"):
            values[argument.name], rest = rest, []
        elif rest:
            values[argument.name] = word = rest.pop(0)
            if argument.choices and word not in argument.choices:
                raise WrongInput(f"'{shortened(word)}' is not known here; choose from {', '.join(argument.choices)}")
    return values


def _lines(path: str, flag: str) -> list[str]:
    """The stripped lines of a file, or of standard input."""
    try:
        content = read_given_text(path)
    except OSError as error:
        raise WrongInput(f"Option '{flag}': cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongInput(f"Option '{flag}': {path} is not a text file") from None
    return [line.strip() for line in content.splitlines()]


def _joined(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """``--net -1:add`` as ``--net=-1:add``: argparse would mistake the value for another option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in flags and re.match(r"-\d+:", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _cut(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words before ``--``, and the arguments after it."""
    end = words.index("--") if "--" in words else len(words)
    return list(words[:end]), list(words[end + 1 :])


def _kind(parameter: Parameter) -> str:
    kind = parameter.kind
    if kind is bool:
        takes_value = parameter.nullable and not parameter.bare
        return "bool" if takes_value else "no-flag" if parameter.default else "flag"
    if kind in (int, float):
        return "int" if kind is int else "float"
    if kind is dict:
        return "keyval"
    return "list" if kind in (list, tuple) else "size" if kind == "size" else "text"


def _add(group: Any, option: Option) -> None:
    told = argparse.SUPPRESS if option.hidden else option.help.replace("%", "%%")
    if option.kind in ("flag", "no-flag"):
        const = option.const if option.const is not None else option.kind == "flag"
        group.add_argument(*option.flags, dest=option.dest, action="store_const", const=const, default=None, help=told)
    elif option.kind == "count":
        group.add_argument(*option.flags, dest=option.dest, action="count", default=None, help=told)
    else:
        group.add_argument(
            *option.flags,
            dest=option.dest,
            action="append" if option.repeat else "store",
            default=None,
            metavar=value_of(option),
            help=told,
        )


def _dashes(given: Any) -> Any:
    """Argparse mistakes a value of ``--`` (``--separator=--``) for the end of the options, and leaves an empty list."""
    if given != []:
        return given
    return "--"


def _value(option: Option, given: Any) -> Any:
    """Strings as values; anything else already is one. Raises CommandLineError."""
    if not option.repeat:
        return _read(option, _dashes(given))
    values = [_read(option, _dashes(item)) for item in given]
    return [item for value in values for item in value] if option.kind == "list" else values


def _read(option: Option, given: Any) -> Any:
    reader, flag = _READERS.get(option.kind), option.flags[-1]
    if option.choices and given not in option.choices:
        why = "not supported yet" if given in option.refused else "not allowed"
        raise CommandLineError(f"{flag}: '{given}' is {why}; choose from {', '.join(option.choices)}")
    if reader is None or not isinstance(given, str):
        return given
    try:
        return reader(given, flag)
    except WrongInput as error:
        raise CommandLineError(error.message) from None
