# SPDX-License-Identifier: BSD-2-Clause
"""``hsqueeze``: which nodes to power off or on (hsqueeze(1))."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.options import (
    DEFAULT,
    Parser,
    add_node_memory,
    number,
    parser,
    say,
    verbosity,
    warn,
    write,
)
from ganeti.cli.htools.report.steps import StepPrinter, command_list
from ganeti.errors import WrongInput
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.power import (
    STANDBY,
    Change,
    expanded,
    offline_candidates,
    online_candidates,
    spacious,
    squeezed,
)
from ganeti.placement.text import serialise

_HEAD = "#!/bin/sh\n\n# Auto-generated script for switching nodes off or on\n\nset -e\n"


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    if arguments.exec:
        raise WrongInput("Error: hsqueeze: -X is not possible yet; -C prints the commands, which can be run")
    loaded = load(arguments)
    _candidates(loaded, arguments)
    _save(arguments, "original", serialise(loaded.snapshot), "before hsqueeze run")
    if spacious(loaded.snapshot, Occupancy(loaded.snapshot, loaded.tags), arguments.minimal_resources):
        _squeeze(loaded, arguments)
    else:
        _expand(loaded, arguments)
    return 0


def _squeeze(loaded: Loaded, arguments: argparse.Namespace) -> None:
    change = squeezed(loaded.snapshot, loaded.tags, arguments.target_resources)
    if change is None:
        if not arguments.no_headers:
            say("'No action'")
        _commands(["echo Nothing to do"], arguments)
        return
    names = _names(loaded, change.nodes)
    _list("'Nodes to offline'", names, arguments)
    untagged = [n for n in change.nodes if not any(t.startswith(STANDBY) for t in loaded.snapshot.nodes[n].tags)]
    after = [
        "",
        "echo Tagging Commands",
        *(f"  gnt-node add-tags {name} {STANDBY}auto" for name in _names(loaded, untagged)),
        "",
        "echo Power Commands",
        *(f"  gnt-node power -f off {name}" for name in names),
    ]
    _commands([*_moves(loaded, change), *after], arguments)
    _save(arguments, "squeezed", serialise(change.balance.snapshot), "after hsqueeze run")


def _expand(loaded: Loaded, arguments: argparse.Namespace) -> None:
    change = expanded(loaded.snapshot, loaded.tags, arguments.minimal_resources)
    names = _names(loaded, change.nodes)
    _list("'Nodes to online'", names, arguments)
    balance = change.balance
    if verbosity(arguments) > 1 and not spacious(balance.snapshot, balance.occupancy, arguments.minimal_resources):
        say("Onlining all nodes will not yield enough capacity")
    power = ["echo Power Commands", *(f"  gnt-node power -f on {name}" for name in names)]
    _commands([*power, *_moves(loaded, change)], arguments)
    _save(arguments, "squeezed", serialise(change.balance.snapshot), "after hsqueeze expansion")


def _moves(loaded: Loaded, change: Change) -> list[str]:
    return command_list(StepPrinter(loaded.snapshot, loaded.names), change.steps)


def _names(loaded: Loaded, nodes: Sequence[int]) -> list[str]:
    return [loaded.names.short(loaded.snapshot.nodes[node].name) for node in nodes]


def _candidates(loaded: Loaded, arguments: argparse.Namespace) -> None:
    if verbosity(arguments) > 1:
        # The first one tried is listed last, as it always was.
        say(f"Offline candidates: {','.join(reversed(_names(loaded, offline_candidates(loaded.snapshot))))}")
        say(f"Online candidates: {','.join(_names(loaded, online_candidates(loaded.snapshot)))}")


def _list(title: str, names: Sequence[str], arguments: argparse.Namespace) -> None:
    for line in [*([] if arguments.no_headers else [title]), *names]:
        say(line)


def _commands(lines: Sequence[str], arguments: argparse.Namespace) -> None:
    if arguments.print_commands == DEFAULT:
        for line in _indented(lines):
            say(line)
    elif arguments.print_commands is not None:
        write(arguments.print_commands, _HEAD + "\n".join(lines) + "\n")
        say(f"The commands have been written to file '{arguments.print_commands}'")


def _indented(lines: Sequence[str]) -> Iterator[str]:
    yield "\nCommands to run:"
    yield from (f"  {line}" for line in lines)


def _save(arguments: argparse.Namespace, extension: str, text: str, when: str) -> None:
    if arguments.save:
        path = f"{arguments.save}.{extension}"
        write(path, text)
        warn(f"The cluster state {when} has been written to file '{path}'")


def command_line() -> Parser:
    made = parser("hsqueeze", "Finds nodes that can be powered off, or have to be powered on.")
    add = made.add_argument
    add("-t", "--text-data", metavar="FILE", help="a file in the text format of htools(1)")
    add("-L", "--luxi", metavar="SOCKET", nargs="?", const=DEFAULT, help="the master daemon of this machine")
    add("-X", "--exec", action="store_true", help=argparse.SUPPRESS)  # refused, as text
    text = "power nodes on if a node has room for fewer standard instances than this (default: %(default)s)"
    add("--minimal-resources", metavar="FACTOR", type=number("minimal resources"), default=2.0, help=text)
    text = "keep room for this many standard instances on each node when powering nodes off (default: %(default)s)"
    add("--target-resources", metavar="FACTOR", type=number("target resources"), default=2.0, help=text)
    add(
        "-S",
        "--save",
        metavar="FILE",
        help="save the cluster state before and after to FILE.original and FILE.squeezed",
    )
    text = "print the commands, or write them to a file"
    add("-C", "--print-commands", metavar="FILE", nargs="?", const=DEFAULT, help=text)
    add("--no-headers", action="store_true", help="do not print headers")
    add_node_memory(add)
    made.set_defaults(master=None, ialloc_src=None, offline=[], ignore_dynu=False, mond=None, mond_data=None)
    return made
