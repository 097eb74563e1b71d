# SPDX-License-Identifier: BSD-2-Clause
"""Options shared by several htools, in groups from which each tool chooses (htools(1), hbal(1))."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ganeti import VERSION
from ganeti.cli.htools.completing import add_completion
from ganeti.cli.parser import PrintingParser
from ganeti.errors import CommandLineError, WrongInput

_Number = TypeVar("_Number", int, float)

DEFAULT = ""  # the value of an option given without its optional argument


class Parser(PrintingParser):
    """A parser that raises CommandLineError, with the usage text."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]  # no other namespaces
        """Raises WrongInput for arguments of a tool that takes none, which exits with status 1."""
        values: argparse.Namespace
        values, rest = self.parse_known_args(args, namespace)
        if rest and not rest[0].startswith("-"):
            raise WrongInput("Error: This program doesn't take any arguments.")
        if rest:
            self.error(f"unrecognized option `{rest[0]}'")
        return values

    def error(self, message: str) -> NoReturn:
        raise CommandLineError(f"Command line error: {message}\n\n{self.format_help()}")


def parser(tool: str, description: str) -> Parser:
    """With --version, --help, --help-completion, -v and -q, which all tools have."""
    made = Parser(prog=tool, description=description, allow_abbrev=True)
    made.add_argument("-V", "--version", action="version", version=f"{tool} (ganeti) version {VERSION}")
    add_completion(made)
    made.add_argument("-v", "--verbose", action="count", default=0, help="print more details; may be repeated")
    made.add_argument("-q", "--quiet", action="count", default=0, help="print less")
    return made


def add_backends(made: Parser) -> None:
    """Options for the source of the cluster."""
    add = made.add_argument_group("data source").add_argument
    add("-t", "--text-data", metavar="FILE", help="a file in the text format of htools(1)")
    add("-m", "--master", metavar="ADDRESS", help="the remote API at this address (name, or URL)")
    add("-L", "--luxi", metavar="SOCKET", nargs="?", const=DEFAULT, help="the master daemon of this machine")
    add("-I", "--ialloc-src", metavar="FILE", help="an iallocator request")


def add_adjustments(made: Parser) -> None:
    """Options that adjust the cluster before it is examined."""
    add = made.add_argument_group("adjustments").add_argument
    add("-O", "--offline", metavar="NODE", action="append", default=[], help="treat this node as offline")
    add("--ignore-dynu", action="store_true", help="ignore dynamic load: treat it as zero")
    text = "use the CPU load that the monitoring daemons measure: yes or no"
    add("--mond", metavar="CHOICE", nargs="?", const="yes", type=yes_or_no, choices=("yes", "no"), help=text)
    add(
        "--mond-data",
        metavar="FILE",
        help="with --mond: read their reports from this file (JSON) instead of querying them",
    )
    add_node_memory(add)


def add_node_memory(add: Callable[..., Any]) -> None:
    text = "memory in MiB that KVM nodes use themselves; 0: as they report"
    add("--static-kvm-node-memory", metavar="MIB", type=integer("static KVM node memory"), help=text)


def add_machine_readable(add: Callable[..., Any]) -> None:
    text = "print shell variables"
    add("--machine-readable", metavar="CHOICE", nargs="?", const="yes", choices=("yes", "no"), help=text)


def add_listings(made: Parser) -> None:
    """Options for tables of nodes and instances."""
    add = made.add_argument_group("lists").add_argument
    add("-p", "--print-nodes", metavar="FIELDS", nargs="?", const=DEFAULT, help="list the nodes")
    add("--print-instances", action="store_true", help="list the instances")


def integer(what: str) -> Callable[[str], int]:
    """An integer; ``what``: its meaning, for errors."""
    return lambda text: _number(what, text, int)


def number(what: str) -> Callable[[str], float]:
    return lambda text: _number(what, text, float)


def attached(words: Sequence[str], instead: Mapping[str, str]) -> list[str]:
    """Command line words in which optional arguments of options are attached, as for getopt_long(3).

    Otherwise the word after such an option would be taken as its argument. ``instead``: by an option as typed without
    its argument, long or short, the word that replaces it.
    """
    return [instead.get(word, word) for word in words]


def yes_or_no(text: str) -> str:
    if text not in ("yes", "no"):
        reason = f"Invalid choice '{text}', pass one of 'yes' or 'no'"
        raise WrongInput(f"Error while parsing command line arguments:\n{reason}")
    return text


def _number(what: str, text: str, kind: Callable[[str], _Number]) -> _Number:
    try:
        return kind(text)
    except ValueError:
        raise WrongInput(f"Error while parsing command line arguments:\n{what}: cannot parse string '{text}'") from None


def verbosity(arguments: argparse.Namespace) -> int:
    """1 by default."""
    level: int = 1 + arguments.verbose - arguments.quiet
    return level


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")


def write(path: Path | str, text: str) -> None:
    """Raises WrongInput."""
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise WrongInput(f"Error: cannot write {path}: {error.strerror}") from None


def warn(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
