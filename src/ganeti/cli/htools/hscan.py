# SPDX-License-Identifier: BSD-2-Clause
"""``hscan``: saves the state of clusters for the other tools, and shows each on one line (hscan(1))."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganeti.cli.htools import tool
from ganeti.cli.htools.hinfo import bad_counts
from ganeti.cli.htools.names import Names
from ganeti.cli.htools.options import DEFAULT, Parser, add_node_memory, attached, parser, say, write
from ganeti.cli.htools.report.hosted import Hosted
from ganeti.cli.htools.report.nodes import node_table
from ganeti.errors import EXIT_USAGE, WrongInput
from ganeti.placement.figures import decimals
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.score import score
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.text import Parsed, serialise

_LOCAL = "LOCAL"  # the name used for this machine's cluster, and its file
_GIB = 1024
_ALONE = {"-p": "--print-nodes=", "--print-nodes": "--print-nodes=", "-L": "--luxi=", "--luxi": "--luxi="}
_TITLES = ("Nodes", "Inst", "BNode", "BInst", "t_mem", "f_mem", "t_disk", "f_disk", "Score")
_WIDTHS = (5, 5, 5, 5, 6, 6, 6, 6, 10)


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(attached(words, _ALONE))
    clusters = arguments.clusters or ([_LOCAL] if arguments.luxi is not None else [])
    width = max((len(name) for name in clusters), default=len("Name"))
    if not arguments.no_headers:
        say(_line("Name", _TITLES, width))
    if not clusters:
        raise WrongInput("Error: name the clusters to scan, or give -L for that of this machine")
    failed = [name for name in clusters if not _scan(name, arguments, width)]
    return EXIT_USAGE if failed else 0


def _scan(name: str, arguments: argparse.Namespace, width: int) -> bool:
    """Whether the cluster could be read; if not, the reason was reported."""
    try:
        snapshot = _loaded(name, arguments).snapshot
    except WrongInput as error:
        say(f"\nError for {name}: failed to load data. Details:\n{error.message}")
        return False
    occupancy = Occupancy(snapshot)
    say(_line(name, _cells(snapshot, occupancy), width))
    if arguments.print_nodes is not None:
        say("\n".join(node_table(Hosted(snapshot), occupancy, Names(snapshot), arguments.print_nodes)))
    write(Path(arguments.output_dir) / f"{name.replace('/', '_')}.data", serialise(snapshot))
    return True


def _loaded(name: str, arguments: argparse.Namespace) -> Parsed:
    if name == _LOCAL and not arguments.clusters:
        from ganeti.cli.htools.inputs import luxi  # noqa: PLC0415 - start-up time

        return luxi.load(arguments.luxi, arguments.static_kvm_node_memory)
    from ganeti.cli.htools.inputs import rapi  # noqa: PLC0415 - start-up time

    return rapi.load(name, arguments.static_kvm_node_memory)


def _cells(snapshot: Snapshot, occupancy: Occupancy) -> tuple[str, ...]:
    nodes = snapshot.nodes
    counts = (
        len(nodes),
        len(snapshot.instances),
        *bad_counts(snapshot, occupancy),
        sum(node.total_memory for node in nodes),
        int(occupancy.free_memory().sum()),
        round(sum(node.total_disk for node in nodes) / _GIB),
        int(occupancy.free_disk().sum()) // _GIB,
    )
    return (*map(str, counts), decimals(score(occupancy)))


def _line(name: str, cells: Sequence[str], width: int) -> str:
    padded = (cell.rjust(at_least) for cell, at_least in zip(cells, _WIDTHS, strict=True))
    return " ".join((name.ljust(width), *padded))


def command_line() -> Parser:
    made = parser("hscan", "Saves the state of clusters for the other tools.")
    add = made.add_argument
    add("clusters", nargs="*", metavar="cluster", help="name or URL of a cluster's remote API")
    add("-L", "--luxi", metavar="SOCKET", nargs="?", const=DEFAULT, help="the cluster of this machine")
    add("-d", "--output-dir", metavar="PATH", default=".", help="where to write the files")
    add("-p", "--print-nodes", metavar="FIELDS", nargs="?", const=DEFAULT, help="list the nodes")
    add("--no-headers", action="store_true", help="do not print headers")
    add_node_memory(add)
    return made
