# SPDX-License-Identifier: BSD-2-Clause
"""``hinfo``: shows the state of a cluster without changing anything (hinfo(1))."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.options import Parser, add_adjustments, add_backends, add_listings, parser, say, verbosity, warn
from ganeti.cli.htools.report.hosted import Hosted
from ganeti.cli.htools.report.instances import instance_table
from ganeti.cli.htools.report.nodes import node_table
from ganeti.cli.htools.report.table import layout
from ganeti.cli.htools.report.terms import term_table
from ganeti.placement import score
from ganeti.placement.figures import decimals
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.text.policies import serialise_policy


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    loaded = load(arguments)
    _describe(loaded, verbosity(arguments))
    occupancy = Occupancy(loaded.snapshot, loaded.tags)
    _score(loaded, occupancy)
    _tables(loaded, occupancy, arguments)
    return 0


def command_line() -> Parser:
    made = parser("hinfo", "Prints the score of a cluster and its groups, and lists nodes and instances.")
    add_backends(made)
    add_adjustments(made)
    add_listings(made)
    made.set_defaults(mond_xen=False, exit_on_missing_mond_data=False)
    return made


def _describe(loaded: Loaded, level: int) -> None:
    snapshot = loaded.snapshot
    if level > 0:
        say(f"Loaded cluster tags: {','.join(snapshot.tags)}")
    if level > 2:
        say(f"Loaded cluster ipolicy: {serialise_policy('', snapshot.policy)}")
    if level > 1 and not snapshot.instances:
        say("Cluster is empty.")
    counts = f"{_count(len(snapshot.nodes), 'node')}, {_count(len(snapshot.instances), 'instance')}"
    say(f"Loaded {counts}, {_count(len(snapshot.groups), 'node group')}")
    if level > 2 and loaded.names.suffix:
        say(f"Note: Stripping common suffix of '{loaded.names.suffix}' from names")
    _split(loaded, level)
    if level > 1:
        _groups(loaded)


def _split(loaded: Loaded, level: int) -> None:
    split = loaded.snapshot.split_instances()
    if split:
        say("Found instances belonging to multiple node groups:")
    elif level > 1:
        say("No split instances found")
    for instance in split:
        warn(f"  {instance.name}")


def _groups(loaded: Loaded) -> None:
    """Groups with nodes; instances with a node in another group are not counted."""
    rows = [["Group", "Nodes", "Instances", "Bad_Nodes", "Bad_Instances", "N+1", "Score"]]
    for index in loaded.snapshot.populated_groups:
        part = loaded.snapshot.only_group(index)
        occupancy = Occupancy(part, loaded.tags)
        nodes, instances = bad_counts(part, occupancy)
        cells = (len(part.nodes), len(part.instances), nodes, instances, not nodes)
        rows.append([loaded.snapshot.groups[index].name, *map(str, cells), decimals(score.score(occupancy))])
    say("Node group information:")
    for line in layout(rows, [False, True, True, True, True, False, True], "   "):
        say(line)


def bad_counts(snapshot: Snapshot, occupancy: Occupancy) -> tuple[int, int]:
    """The number of online nodes that fail N+1, and of instances on such nodes."""
    failing = occupancy.fails_n1() & occupancy.online
    existing = (it for it in snapshot.instances if not it.forthcoming)
    return int(failing.sum()), sum(bool(failing[list(it.nodes)].any()) for it in existing)


def _score(loaded: Loaded, occupancy: Occupancy) -> None:
    happy = not bad_counts(loaded.snapshot, occupancy)[0]
    say(f"Cluster is N+1 {'happy' if happy else 'unhappy'}")
    say("Cluster coefficients:")
    terms = score.terms(occupancy)
    for line in term_table(terms, empty=not occupancy.online.any()):
        say(line)
    say(f"Cluster score: {decimals(score.total(terms))}")


def _tables(loaded: Loaded, occupancy: Occupancy, arguments: argparse.Namespace) -> None:
    if arguments.print_instances:
        warn("\nInstances instance map:")
        warn("\n".join(instance_table(loaded.snapshot)))
    if arguments.print_nodes is not None:
        warn("\nCluster status:")
        warn("\n".join(node_table(Hosted(loaded.snapshot), occupancy, loaded.names, arguments.print_nodes)))
        warn("")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
