# SPDX-License-Identifier: BSD-2-Clause
"""``hspace``: how many more instances fit a cluster (hspace(1))."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

import msgspec

from ganeti.cli.htools import tool
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.names import Names
from ganeti.cli.htools.options import (
    Parser,
    add_backends,
    add_machine_readable,
    add_node_memory,
    integer,
    number,
    parser,
    say,
    verbosity,
    warn,
    write,
)
from ganeti.cli.htools.report import space
from ganeti.cli.htools.report.hosted import Hosted
from ganeti.cli.htools.report.nodes import node_table
from ganeti.cli.htools.report.terms import term_table
from ganeti.errors import InsufficientResources, WrongInput
from ganeti.model.parameters.policy import Policy
from ganeti.placement import score
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.figures import decimals
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.quantity import mebibytes
from ganeti.placement.snapshot import Snapshot, Template
from ganeti.placement.space.filling import Filled, Filler
from ganeti.placement.space.spec import InstanceSpec, spec_of
from ganeti.placement.space.totals import Totals, totals
from ganeti.placement.text import serialise

_BAD = "Error while parsing command line arguments:\n"


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    standard, tiered = (_specification(arguments, which) for which in ("standard", "tiered"))
    return _Run(load(arguments), arguments).run(standard, tiered)


class _Run:
    def __init__(self, loaded: Loaded, arguments: argparse.Namespace) -> None:
        self._loaded = loaded
        self._arguments = arguments
        self._machine = arguments.machine_readable == "yes"
        self._limits = Limits(
            max_cpu=arguments.max_cpu,
            min_disk=arguments.min_disk,
            capacity=not arguments.no_capacity_checks,
            dedicated=False,
        )
        self._filler = Filler(
            loaded.snapshot,
            self._limits,
            independent=arguments.independent_groups,
            accept_errors=arguments.accept_existing_errors,
            rounds=arguments.max_length if arguments.max_length >= 0 else None,
        )

    def run(self, standard: Sequence[int] | None, tiered: Sequence[int] | None) -> int:
        snapshot, policy = self._loaded.snapshot, self._loaded.snapshot.policy
        occupancy = Occupancy(snapshot, self._loaded.tags)
        self._initial = totals(snapshot, occupancy, self._limits)
        self._tell(space.machine_cluster(self._initial), space.human_cluster(self._initial))
        self._nodes("Initial cluster", snapshot, occupancy)
        self._terms(occupancy)
        ranges = policy.minmax[:1] if tiered else policy.minmax
        tiers = [self._spec(pair.max, tiered) for pair in ranges] or [self._spec(policy.std, tiered)]
        largest = tiers[0]
        if occupancy.online.sum() < largest.required_nodes:
            what = "No online nodes" if largest.required_nodes == 1 else "Not enough online nodes"
            raise InsufficientResources(f"failure during allocation: {what}")
        self._tiered(tiers)
        self._standard(self._spec(policy.std, standard))
        if self._machine:
            say("HTS_OK=1")
        return 0

    def _tiered(self, specs: Sequence[InstanceSpec]) -> None:
        spec = specs[0]
        self._tell(
            space.machine_spec("TSPEC_INI", spec), space.human_spec("Tiered (initial size)", spec, self._initial)
        )
        filled = self._filler.tiered(specs, self._loaded.snapshot.policy)
        final = self._after(filled, "Tiered", "tiered")
        self._tell(space.machine_tiered(filled, self._initial, final), space.human_tiered(filled, self._initial, final))

    def _standard(self, spec: InstanceSpec) -> None:
        self._tell(space.machine_spec("SPEC", spec), space.human_spec("Standard (fixed-size)", spec, self._initial))
        filled = self._filler.standard(spec)
        final = self._after(filled, "Standard", "standard")
        self._tell(
            space.machine_standard(filled, self._initial, final), space.human_standard(filled, self._initial, final)
        )

    def _after(self, filled: Filled, title: str, extension: str) -> Totals:
        """The totals of the filled cluster; also shows and saves what the options request."""
        snapshot, occupancy = self._loaded.snapshot, filled.scene.occupancy
        if verbosity(self._arguments) > 1:
            self._map(filled, title)
        self._nodes(f"{title} allocation", snapshot.with_instances((*snapshot.instances, *filled.instances)), occupancy)
        if self._arguments.save:
            path = f"{self._arguments.save}.{extension}"
            write(path, serialise(filled.scene.snapshot()))
            warn(f"The cluster state after {extension} allocation has been written to file '{path}'")
        return totals(snapshot, occupancy, self._limits, filled.instances)

    def _map(self, filled: Filled, title: str) -> None:
        warn(f"{title} allocation map")
        exclusive = self._initial.exclusive
        nodes, width = self._loaded.snapshot.nodes, max((len(i.name) for i in filled.instances), default=0)
        for instance in filled.instances:
            primary, *secondary = (nodes[node].name for node in instance.nodes)
            mirror = secondary[0] if secondary else ""
            sizes = f"{instance.memory} {instance.disk} {instance.vcpus} {instance.spindles if exclusive else ''}"
            warn(f" {instance.name.ljust(width)} {primary} {mirror} {sizes}")

    def _nodes(self, what: str, snapshot: Snapshot, occupancy: Occupancy) -> None:
        if self._arguments.print_nodes is not None:
            names = Names(snapshot)
            warn(f"\n{what} status:")
            warn("\n".join(node_table(Hosted(snapshot), occupancy, names, self._arguments.print_nodes)))
            warn("")

    def _terms(self, occupancy: Occupancy) -> None:
        if verbosity(self._arguments) > 2:
            terms = score.terms(occupancy)
            warn(f"Initial coefficients: overall {decimals(score.total(terms))}")
            warn("\n".join(term_table(terms, empty=not occupancy.online.any())))

    def _spec(self, default: object, sizes: Sequence[int] | None) -> InstanceSpec:
        """The policy's specification, overridden by the options."""
        policy = self._loaded.snapshot.policy
        template = Template(self._arguments.disk_template or _first_template(policy))
        spec = spec_of(default, template)  # type: ignore[arg-type]  # a Spec of the policy
        if sizes:
            disk, memory, vcpus = sizes
            spec = msgspec.structs.replace(spec, disk=disk, memory=memory, vcpus=vcpus, spindles=1)
        if self._arguments.spindle_use is not None:
            spec = msgspec.structs.replace(spec, spindle_use=self._arguments.spindle_use)
        return spec

    def _tell(self, machine: Iterable[space.Pair], human: Iterable[str]) -> None:
        if self._machine:
            for key, value in machine:
                say(f"HTS_{key}={space.quoted(value)}")
        else:
            for line in human:
                say(line)


def _first_template(policy: Policy) -> str:
    """The first one in the policy; without a list there, the first in the software's order."""
    if policy.disk_templates == Policy().disk_templates:
        return Template.DISKLESS
    return next(iter(policy.disk_templates), Template.DRBD)


def _specification(arguments: argparse.Namespace, which: str) -> list[int] | None:
    """Disk, memory and vcpus from an option."""
    given: str | None = getattr(arguments, f"{which}_alloc")
    if given is None:
        return None
    parts = given.split(",")
    if len(parts) != 3:
        raise WrongInput(f"{_BAD}Invalid {which} specification: '{given}', expected disk,ram,cpu")
    disk, memory, cpus = parts
    return [mebibytes(disk, f"{which} disk"), mebibytes(memory, f"{which} memory"), integer(f"{which} cpus")(cpus)]


def _template(text: str) -> str:
    if text not in list(Template):
        raise WrongInput(f'{_BAD}Invalid string value for type DiskTemplate: "{text}"; known are {", ".join(Template)}')
    return text


def _spindle_use(text: str) -> int:
    value = integer("spindle use")(text)
    if value < 0:
        raise WrongInput(f"{_BAD}Invalid value of the spindle-use (expected >= 0)")
    return value


def command_line() -> Parser:
    made = parser("hspace", "Computes how many more instances fit in a cluster.")
    add_backends(made)
    made.add_argument(
        "--simulate",
        metavar="SPEC",
        action="append",
        help="a simulated, empty group: policy,nodes,disk,ram,cpu[,spindles[,exclusive]]",
    )
    add = made.add_argument_group("instances and limits").add_argument
    text = "disk template of the instances"
    add("--disk-template", metavar="TEMPLATE", type=_template, choices=[*Template], help=text)
    add("--spindle-use", metavar="SPINDLES", type=_spindle_use, help="number of spindles that each instance uses")
    add("--standard-alloc", metavar="DISK,RAM,CPU", help="size of the instances in standard allocation")
    add("--tiered-alloc", metavar="DISK,RAM,CPU", help="size of the first instances in tiered allocation")
    add(
        "--max-cpu",
        metavar="RATIO",
        type=number("max cpu ratio"),
        help="maximum ratio of virtual to physical CPUs, instead of the policy's",
    )
    add(
        "--min-disk",
        metavar="RATIO",
        type=number("min disk space"),
        default=0.0,
        help="share of each node's disk to keep free",
    )
    add(
        "-l",
        "--max-length",
        metavar="N",
        type=integer("max solution length"),
        default=-1,
        help="maximum number of instances",
    )
    add("--independent-groups", action="store_true", help="skip groups with nodes that fail N+1")
    add("--accept-existing-errors", action="store_true", help="also use nodes that fail N+1 already")
    add(
        "--no-capacity-checks",
        action="store_true",
        help="do not require that the cluster can survive the failure of any node",
    )
    add("-O", "--offline", metavar="NODE", action="append", default=[], help="treat this node as offline")
    add_node_memory(add)
    made.set_defaults(ignore_dynu=False, mond=None, mond_data=None)
    add = made.add_argument_group("results").add_argument
    add_machine_readable(add)
    add("-p", "--print-nodes", metavar="FIELDS", nargs="?", const="", help="list the nodes before and after")
    add("-S", "--save", metavar="FILE", help="save the filled clusters to FILE.tiered and FILE.standard")
    return made
