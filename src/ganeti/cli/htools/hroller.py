# SPDX-License-Identifier: BSD-2-Clause
"""``hroller``: groups of nodes that can be rebooted together (hroller(1))."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.options import Parser, add_backends, add_node_memory, parser, say, warn, write
from ganeti.errors import WrongInput
from ganeti.placement.rolling import Maintenance, Reboot, hosts_single, reboots
from ganeti.placement.text import serialise


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    loaded = load(arguments)
    nodes = _chosen(loaded, arguments)
    _require_master(loaded, arguments)
    maintenance = Maintenance(
        offline=arguments.offline_maintenance,
        ignore_single=arguments.ignore_non_redundant,
        full=arguments.full_evacuation,
    )
    planned = reboots(loaded.snapshot, nodes, maintenance)
    if arguments.save:
        write(f"{arguments.save}.original", serialise(loaded.snapshot))
    for line in _lines(loaded, planned, arguments):
        say(line)
    return 0


def _chosen(loaded: Loaded, arguments: argparse.Namespace) -> list[int]:
    """The nodes that are to be rebooted."""
    snapshot, tags = loaded.snapshot, set(filter(None, (arguments.node_tags or "").split(",")))
    group = None
    if arguments.group is not None:
        group = next((i for i, it in enumerate(snapshot.groups) if arguments.group in (it.name, it.uuid)), None)
        if group is None:
            raise WrongInput("Error: Cannot find target group.")
    single = hosts_single(snapshot) if arguments.skip_non_redundant else set()
    return [
        index
        for index, node in enumerate(snapshot.nodes)
        if not node.offline
        and group in (None, node.group)
        and (not tags or tags.intersection(node.tags))
        and index not in single
    ]


def _require_master(loaded: Loaded, arguments: argparse.Namespace) -> None:
    masters = [node.name for node in loaded.snapshot.nodes if node.master]
    if len(masters) > 1:
        raise WrongInput(f"Error: Found more than one master node: {', '.join(masters)}")
    if masters:
        return
    text = "No master node found (maybe not supported by backend)."
    if not arguments.force:
        raise WrongInput(f"Error: {text}")
    warn(f"Warning: {text}")


def _lines(loaded: Loaded, planned: Sequence[Reboot], arguments: argparse.Namespace) -> Iterator[str]:
    """With full names, because other programs parse them (hroller(1), examples)."""
    if not arguments.no_headers:
        yield "'First Reboot Group'" if arguments.one_step_only else "'Node Reboot Groups'"
    nodes = loaded.snapshot.nodes
    for reboot in planned[:1] if arguments.one_step_only else planned:
        names = [nodes[node].name for node in reboot.nodes]
        yield from names if arguments.one_step_only else [",".join(names)]
        if arguments.print_moves:
            for instance, targets in reboot.moves:
                places = " ".join(nodes[node].name for node in targets)
                yield f"  {loaded.snapshot.instances[instance].name} {places}"


def command_line() -> Parser:
    made = parser("hroller", "Finds groups of nodes that can be rebooted together.")
    add_backends(made)
    add = made.add_argument_group("selection").add_argument
    add("-G", "--group", metavar="ID", help="only nodes of this group, by name or UUID")
    add("-O", "--offline", metavar="NODE", action="append", default=[], help="treat this node as offline")
    add("--node-tags", metavar="TAG,...", help="only nodes with one of these tags")
    add("--offline-maintenance", action="store_true", help="assume that all instances will be shut down")
    add("--full-evacuation", action="store_true", help="move secondary instances off the nodes as well")
    add("--skip-non-redundant", action="store_true", help="skip nodes with instances that have no secondary node")
    add("--ignore-non-redundant", action="store_true", help="ignore instances that have no secondary node")
    add("-f", "--force", action="store_true", help="continue even if it is not known which node is the master")
    add_node_memory(add)
    made.set_defaults(ignore_dynu=False, mond=None, mond_data=None)
    add = made.add_argument_group("results").add_argument
    add("--one-step-only", action="store_true", help="print only the first group, one node per line")
    add("--print-moves", action="store_true", help="print where the instances move to")
    add("--no-headers", action="store_true", help="do not print headers")
    add("-S", "--save", metavar="FILE", help="save the cluster state to FILE.original")
    return made
