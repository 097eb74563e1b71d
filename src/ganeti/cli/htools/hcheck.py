# SPDX-License-Identifier: BSD-2-Clause
"""``hcheck``: whether a cluster is healthy, and whether hbal would help (hcheck(1))."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from ganeti.cli.htools import hbal_options, tool
from ganeti.cli.htools.hbal import options_of
from ganeti.cli.htools.loading import Loaded, load
from ganeti.cli.htools.options import Parser, add_machine_readable, parser, say
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.figures import decimals
from ganeti.placement.health import Health, health
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import Group, Snapshot

_UNWELL = 1  # exit status

# By the machine-readable key: the label for users, and the field of Health.
_COUNTS = (
    ("N1_FAIL", "Nodes not N+1 happy", "n1_failures"),
    ("CONFLICT_TAGS", "Nodes with conflicting instances", "conflicting_nodes"),
    ("OFFLINE_PRI", "Instances having the primary node offline", "offline_primaries"),
    ("OFFLINE_SEC", "Instances having a secondary node offline", "offline_secondaries"),
    ("GN1_FAIL", "Nodes not directly evacuateable", "stuck_nodes"),
)


def main(words: Sequence[str] | None = None) -> int:
    return tool.run(_main, words)


def _main(words: Sequence[str]) -> int:
    arguments = command_line().parse_args(words)
    loaded = load(arguments)
    machine, simulate = arguments.machine_readable == "yes", not arguments.no_simulation
    parts = {index: loaded.snapshot.only_group(index) for index in loaded.snapshot.populated_groups}
    initial = {index: _health(part, loaded, arguments) for index, part in parts.items()}
    ill = sum(initial.values(), Health()).ill
    for line in _introduction(loaded.snapshot.groups, machine=machine, ill=ill, simulate=simulate):
        say(line)
    _tell(parts, initial, machine=machine, final=False)
    final = initial
    if simulate and ill:
        final = {index: _balanced(part, loaded, arguments) for index, part in parts.items()}
    if machine or final is not initial:
        _tell(parts, final, machine=machine, final=True, ill=ill)
    if machine:
        say("HCHECK_OK=1")
    return _UNWELL if ill and simulate else 0


def _health(part: Snapshot, loaded: Loaded, arguments: argparse.Namespace) -> Health:
    return health(part, Occupancy(part, loaded.tags), capacity=not arguments.no_capacity_checks)


def _balanced(part: Snapshot, loaded: Loaded, arguments: argparse.Namespace) -> Health:
    """The health of the group after hbal."""

    def enough(before: float, after: float) -> bool:
        too_little = before <= arguments.min_gain_limit and before - after < arguments.min_gain
        return bool(too_little or before < arguments.min_score)

    balance = Balance(part, options_of(loaded, arguments), loaded.tags)
    for _ in descend(balance, enough, arguments.max_length if arguments.max_length >= 0 else None):
        pass
    return health(balance.snapshot, balance.occupancy, capacity=not arguments.no_capacity_checks)


def _introduction(groups: Sequence[Group], *, machine: bool, ill: bool, simulate: bool) -> Iterator[str]:
    if machine:
        for index, group in enumerate(groups):
            yield f"HCHECK_GROUP_UUID_{index}='{group.uuid}'"
    elif not simulate:
        yield "Running in no-simulation mode."
    elif ill:
        yield "Cluster needs rebalancing."
    else:
        yield "No need to rebalance cluster, no problems found."


def _tell(
    parts: Mapping[int, Snapshot], healths: Mapping[int, Health], *, machine: bool, final: bool, ill: bool | None = None
) -> None:
    """``ill``: whether the whole cluster was unhealthy before."""
    whole = sum(healths.values(), Health())
    ill = whole.ill if ill is None else ill
    lines = (
        _machine(healths, whole, "FINAL" if final else "INIT", ill) if machine else _human(parts, healths, final, ill)
    )
    for line in lines:
        say(line)


def _machine(healths: Mapping[int, Health], whole: Health, phase: str, ill: bool) -> Iterator[str]:
    for index, it in healths.items():
        for key, _, field in _COUNTS:
            yield f"HCHECK_{phase}_GROUP_{index}_{key}={getattr(it, field)}"
        yield f"HCHECK_{phase}_GROUP_{index}_SCORE={decimals(it.score)}"
    for key, _, field in _COUNTS:
        yield f"HCHECK_{phase}_CLUSTER_{key}={getattr(whole, field)}"
    yield f"HCHECK_{phase}_CLUSTER_NEED_REBALANCE={int(ill)}"


def _human(parts: Mapping[int, Snapshot], healths: Mapping[int, Health], final: bool, ill: bool) -> Iterator[str]:
    when = "after rebalancing" if final else "initially"
    for index, it in healths.items():
        yield f"\nStatistics for group {parts[index].groups[0].name} {when}"
        yield from (f"    {text}: {getattr(it, field)}" for _, text, field in _COUNTS)
        yield f"    Group score: {decimals(it.score)}"
    whole = sum(healths.values(), Health())
    yield f"\nCluster statistics {when}"
    yield from (f"    {text}: {getattr(whole, field)}" for _, text, field in _COUNTS)
    yield f"    Cluster is not healthy: {ill}"


def command_line() -> Parser:
    made = parser("hcheck", "Checks the health of a cluster, and whether hbal could improve it.")
    hbal_options.add_balancing(made)
    add = made.add_argument_group("checks").add_argument
    add("--no-simulation", action="store_true", help="only check the current state; do not simulate balancing")
    add("--no-capacity-checks", action="store_true", help="skip the check for nodes that could not be evacuated")
    add_machine_readable(add)
    return made
