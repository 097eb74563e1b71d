# SPDX-License-Identifier: BSD-2-Clause
"""``--help-completion``: for scripts that complete command lines of the htools.

A line per option, ``-O,--offline onenode``, and one for the arguments, ``host 0 none``: their kind, minimum and
maximum number.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

# By the metavar in the help. Columns of a table are not completed.
_KINDS = {
    "ADDRESS": "host",
    "DELTA": "float",
    "FACTOR": "float",
    "FIELDS": "none",
    "FILE": "file",
    "ID": "onegroup",
    "MIB": "integer",
    "N": "integer",
    "NAMES": "manyinstances",
    "NODE": "onenode",
    "NODE,...": "manynodes",
    "PATH": "dir",
    "RATE": "float",
    "RATIO": "float",
    "SCORE": "float",
    "SECONDS": "float",
    "SOCKET": "file",
    "SPINDLES": "float",
    "cluster": "host",
    "input-file": "file",
}


def add_completion(parser: argparse.ArgumentParser) -> None:
    text = "print completion data for shells"
    parser.add_argument("--help-completion", action=_CompletionHelp, help=text)


class _CompletionHelp(argparse.Action):
    """The action of the flag: prints the lines and exits."""

    def __init__(self, option_strings: list[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **more)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.writelines(f"{line}\n" for line in lines(parser))
        parser.exit()


def lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Options first."""
    actions = parser._actions
    for action in actions:
        if action.option_strings:
            yield f"{','.join(action.option_strings)} {_kind(action)}"
    for action in actions:
        if not action.option_strings:
            yield f"{_kind(action)} {'0 none' if action.nargs == '*' else '1 1'}"


def _kind(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "none"
    if action.choices:
        return f"choices={','.join(map(str, action.choices))}"
    return _KINDS.get(str(action.metavar), "string")
