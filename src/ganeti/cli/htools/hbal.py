# SPDX-License-Identifier: BSD-2-Clause
"""``hbal``: balances a group of a cluster (hbal(1)).

Beyond it: ``--plan`` explains the steps and orders them so that N+1 holds after each, ``--optimal`` looks for
the best final state within a time limit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ganeti.cli.htools import tool
from ganeti.cli.htools.hbal_options import command_line
from ganeti.cli.htools.hinfo import bad_counts
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.options import DEFAULT, say, verbosity, warn, write
from ganeti.cli.htools.report.hosted import Hosted
from ganeti.cli.htools.report.instances import instance_table
from ganeti.cli.htools.report.nodes import node_table
from ganeti.cli.htools.report.steps import StepPrinter, command_list, script
from ganeti.cli.htools.report.terms import term_table
from ganeti.cli.htools.searching import Search
from ganeti.errors import WrongInput
from ganeti.placement import score
from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.move import Step
from ganeti.placement.balance.options import BalanceOptions
from ganeti.placement.balance.violations import violating_nodes
from ganeti.placement.figures import decimals
from ganeti.placement.outcome import outcome
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.text import serialise
from ganeti.placement.text.policies import serialise_policy


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    loaded = load(arguments)
    options = options_of(loaded, arguments)
    _describe_rules(loaded, verbosity(arguments))
    if not loaded.snapshot.nodes or not loaded.snapshot.instances:
        say("Cluster is empty, exiting.")
        return 0
    _describe(loaded, verbosity(arguments))
    if verbosity(arguments) > 1:
        _tell_split(loaded.snapshot)
    snapshot = _chosen_group(loaded, arguments)
    return _Run(loaded, snapshot, options, arguments).run()


def options_of(loaded: Loaded, arguments: argparse.Namespace) -> BalanceOptions:
    only = _instances(loaded, arguments.select_instances)
    return BalanceOptions(
        disk_moves=not arguments.no_disk_moves,
        instance_moves=not arguments.no_instance_moves,
        restricted_migration=arguments.restricted_migration,
        evacuate=arguments.evac_mode,
        ignore_soft_limits=arguments.ignore_soft_errors,
        max_cpu=arguments.max_cpu,
        min_disk=arguments.min_disk,
        only=only,
        never=(_instances(loaded, arguments.exclude_instances) or frozenset()) | _fixed(loaded, arguments),
    )


def _fixed(loaded: Loaded, arguments: argparse.Namespace) -> frozenset[str]:
    """Those that a cluster which is there has no operation to move: they are forthcoming."""
    if arguments.luxi is None:
        return frozenset()
    return frozenset(instance.name for instance in loaded.snapshot.instances if instance.forthcoming)


def _instances(loaded: Loaded, words: str | None) -> frozenset[str] | None:
    """The full names of the instances that the user lists."""
    if not words:
        return None
    given = words.split(",")
    places = [loaded.names.instance(name) for name in given]
    unknown = [name for name, place in zip(given, places, strict=True) if place is None]
    if unknown:
        listed = ",".join(f'"{name}"' for name in unknown)
        raise WrongInput(f"Error: failed to load data, aborting: Unknown instance(s): [{listed}]")
    return frozenset(loaded.snapshot.instances[place].name for place in places if place is not None)


def _describe_rules(loaded: Loaded, level: int) -> None:
    if level > 1:
        say(f"Loaded cluster tags: {','.join(loaded.snapshot.tags)}")
    if level > 2:
        say(f"Loaded cluster ipolicy: {serialise_policy('', loaded.snapshot.policy)}")


def _describe(loaded: Loaded, level: int) -> None:
    snapshot = loaded.snapshot
    say(f"Loaded {len(snapshot.nodes)} nodes, {len(snapshot.instances)} instances")
    if level > 1 and loaded.names.suffix:
        say(f"Note: Stripping common suffix of '{loaded.names.suffix}' from names")


def _tell_split(snapshot: Snapshot) -> None:
    names = [f"  {instance.name}" for instance in snapshot.split_instances()]
    if names:
        warn("\n".join(("Found instances belonging to multiple node groups:", *names)))
        warn("These instances will not be moved.")


def _chosen_group(loaded: Loaded, arguments: argparse.Namespace) -> Snapshot:
    groups = loaded.snapshot.groups
    listed = "".join(f"\n  {group.name}" for group in groups)
    if arguments.group is None:
        wanted = loaded.snapshot.populated_groups
        if len(wanted) > 1:
            raise WrongInput(f"Found multiple node groups:{listed}\nError: Aborting.")
    else:
        wanted = [i for i, group in enumerate(groups) if arguments.group in (group.name, group.uuid)]
    if not wanted:
        raise WrongInput(f"Node group {arguments.group} not found. Node group list is:{listed}\nError: Aborting.")
    part = loaded.snapshot.only_group(wanted[0], split=True)
    say(f"Group size {len(part.nodes)} nodes, {len(part.instances)} instances")
    say(f"Selected node group: {groups[wanted[0]].name}")
    return part


class _Run:
    """Balancing one group."""

    def __init__(self, loaded: Loaded, group: Snapshot, options: BalanceOptions, arguments: argparse.Namespace) -> None:
        self._loaded = loaded
        self._group = group
        self._options = options
        self._arguments = arguments
        self._level = verbosity(arguments)
        self._balance = Balance(group, options, loaded.tags)
        self._printer = StepPrinter(group, loaded.names)

    def run(self) -> int:
        self._save("before", "original", self._loaded.snapshot)
        self._tables("Initial")
        self._check()
        initial = self._balance.score()
        self._tell_initial(initial)
        if self._balanced(initial):
            return 0
        say("Trying to minimize the CV...")
        search = Search(self._balance, self._printer, self._arguments)
        steps = search.usual() if self._arguments.optimal is None else search.optimal(self._group, self._loaded.tags)
        self._tell_result(initial, steps)
        self._plan(steps)
        self._commands(steps)
        if self._arguments.save:
            self._save("after", "balanced", self._whole())
        self._tables("Final", steps)
        self._totals()
        return self._execute(steps)

    def _check(self) -> None:
        nodes, instances = bad_counts(self._group, self._balance.occupancy)
        if self._level > 0:
            say(f"Initial check done: {nodes} bad nodes, {instances} bad instances.")
        if nodes:
            say("Cluster is not N+1 happy, continuing but no guarantee that the cluster will end N+1 happy.")
        violating = violating_nodes(self._balance.occupancy, self._options.max_cpu)
        if violating:
            say(f"The cluster contains {violating} policy-violating nodes.")
            say(
                "Continuing, but the set of moves might be too restricted; "
                "consider using the --ignore-soft-errors option."
            )

    def _tell_initial(self, initial: float) -> None:
        if self._level > 2:
            say(f"Initial coefficients: overall {decimals(initial)}")
            self._terms()
        else:
            say(f"Initial score: {decimals(initial)}")

    def _balanced(self, initial: float) -> bool:
        bound = self._bound()
        if initial >= self._arguments.min_score + bound and initial > 0:
            return False
        say(
            f"Cluster is already well balanced (initial score {_general(initial)},\n"
            f"optimum score due to N+1 reservations {_general(bound)},\n"
            f"minimum score {_general(self._arguments.min_score)}).\nNothing to do, exiting"
        )
        return True

    def _bound(self) -> float:
        """The lowest score of reserved memory: the largest node's share of mirrored ones, kept free on the others."""
        memory = [node.total_memory for node in self._group.nodes]
        largest = max(memory, default=0)
        others = sum(memory) - largest
        if not others:
            return 0.0
        mirrored = float(self._balance.fleet.reserved[self._balance.fleet.secondary >= 0].sum())
        return score.WEIGHTS["reserved_mem_rtotal"] * mirrored * largest / sum(memory) / others

    def _tell_result(self, initial: float, steps: Sequence[Step]) -> None:
        final = self._balance.score()
        if not steps:
            say("No solution found")
        elif self._level > 2:
            say(f"Final coefficients:   overall {decimals(final)}")
            self._terms()
        else:
            say(f"Cluster score improved from {decimals(initial)} to {decimals(final)}")
        if self._level > 0:
            say(f"Solution length={len(steps)}")

    def _plan(self, steps: Sequence[Step]) -> None:
        if self._arguments.plan:
            from ganeti.cli.htools.report.plan import PlanPrinter  # noqa: PLC0415 - few ask for it

            say()
            printer = PlanPrinter(self._group, self._loaded.names, self._loaded.tags, self._arguments.copy_speed)
            for line in printer.lines(steps):
                say(line)

    def _terms(self) -> None:
        for line in term_table(score.terms(self._balance.occupancy)):
            say(line)

    def _commands(self, steps: Sequence[Step]) -> None:
        target = self._arguments.print_commands
        if target == DEFAULT:
            say("\nCommands to run to reach the above solution:")
            for line in command_list(self._printer, steps):
                say(f"  {line}")
        elif target is not None:
            write(target, script(self._printer, steps))
            say(f"The commands have been written to file '{target}'")

    def _whole(self) -> Snapshot:
        """The whole cluster with the present places of the group's instances."""
        now = {instance.name: instance for instance in self._balance.snapshot.instances}
        index = self._loaded.snapshot.node_index
        places = {
            name: (index[self._group.nodes[i.primary].name], index[self._group.nodes[i.secondary].name])
            if i.secondary >= 0
            else (index[self._group.nodes[i.primary].name], i.secondary)
            for name, i in now.items()
        }
        return outcome(self._loaded.snapshot, places)

    def _save(self, when: str, extension: str, snapshot: Snapshot) -> None:
        if self._arguments.save:
            path = f"{self._arguments.save}.{extension}"
            write(path, serialise(snapshot))
            warn(f"The cluster state {when} balancing has been written to file '{path}'")

    def _tables(self, when: str, steps: Sequence[Step] = ()) -> None:
        snapshot = self._balance.snapshot
        if self._arguments.print_instances:
            warn(f"\n{when} instance map:")
            warn("\n".join(instance_table(snapshot)))
        if self._arguments.print_nodes is not None:
            hosted = Hosted(self._group).after(steps)
            table = node_table(hosted, self._balance.occupancy, self._loaded.names, self._arguments.print_nodes)
            warn(f"\n{when} cluster status:")
            warn("\n".join(table))
            warn("")

    def _totals(self) -> None:
        if self._level > 3:
            memory = sum(node.free_memory for node in self._group.nodes)
            before = sum(node.free_disk for node in self._group.nodes)
            say(f"Original: mem={memory} disk={before}")
            say(f"Final:    mem={memory} disk={int(self._balance.occupancy.free_disk().sum())}")

    def _execute(self, steps: Sequence[Step]) -> int:
        if not self._arguments.exec or not steps:
            return 0
        if self._arguments.luxi is None:
            raise WrongInput("Error: hbal: Execution of commands possible only on LUXI")
        from ganeti.cli.htools.executing import execute  # noqa: PLC0415 - only -X needs the master

        return execute(self._group, steps, self._arguments)


def _general(value: float) -> str:
    """A number in the format of Ganeti's tools: tiny ones with an exponent."""
    if value == 0 or abs(value) >= 0.1:
        return decimals(value, 6)
    mantissa, _, exponent = f"{value:.6e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
