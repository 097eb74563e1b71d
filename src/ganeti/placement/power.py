# SPDX-License-Identifier: BSD-2-Clause
"""Which nodes can be powered off, or have to be powered on again (hsqueeze(1))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from ganeti.placement.allocator.limits import USUAL
from ganeti.placement.balance.balance import Balance, descend
from ganeti.placement.balance.move import Step
from ganeti.placement.demand import Resource
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import Snapshot
from ganeti.placement.tags import TagRules

STANDBY = "htools:standby:"
_ROUNDING = 1e-9  # smaller gains do not count
_LEAST_GAIN, _GAIN_LIMIT = 1e-2, 1e-1  # the defaults of hbal's --min-gain and --min-gain-limit


@dataclass(frozen=True, slots=True)
class Change:
    """``nodes`` are powered on or off; ``steps`` balance the resulting cluster, which is in ``balance``."""

    nodes: tuple[int, ...]
    steps: tuple[Step, ...]
    balance: Balance


def offline_candidates(snapshot: Snapshot) -> list[int]:
    """Nodes whose instances can all move anywhere, those with the fewest first."""
    hosted = [0] * len(snapshot.nodes)
    bound: set[int] = set()
    for instance in snapshot.instances:
        hosted[instance.primary] += 1
        if not instance.template.moves_anywhere:
            bound.update(instance.nodes)
    free = [i for i, node in enumerate(snapshot.nodes) if not (node.offline or node.master or i in bound)]
    return sorted(free, key=lambda index: (hosted[index], -index))


def online_candidates(snapshot: Snapshot) -> list[int]:
    """Nodes that are on standby."""
    return [
        index
        for index, node in enumerate(snapshot.nodes)
        if node.offline and any(tag.startswith(STANDBY) for tag in node.tags)
    ]


def spacious(snapshot: Snapshot, occupancy: Occupancy, factor: float) -> bool:
    """Whether each node, offline or not, has the memory and vcpus for ``factor`` more standard instances.

    Forthcoming instances count as existing.
    """
    equipment, used, standard = occupancy.equipment, occupancy.used, snapshot.policy.std
    more = factor * standard.memory_size
    memory = occupancy.free_memory() - more
    memory_all = equipment.memory_all - used[Resource.MEMORY_ALL] - more
    vcpus = used[Resource.VCPUS_ALL] + equipment.node_cpus + factor * standard.cpu_count
    still_happy = (memory > occupancy.reserved()) | occupancy.fails_n1()
    enough = (memory > 0) & (memory_all > 0) & still_happy & (vcpus <= USUAL.vcpus(equipment))
    return bool(occupancy.online.any() and enough.all())


def squeezed(snapshot: Snapshot, tags: TagRules, factor: float) -> Change | None:
    """Power off as many nodes as possible while all others keep room for ``factor`` instances; None if impossible."""
    best: Change | None = None
    for node in offline_candidates(snapshot):
        chosen = (*(best.nodes if best else ()), node)
        change = _balanced(snapshot, tags, chosen, offline=True)
        if _empty(change.balance.occupancy, chosen) and spacious(snapshot, change.balance.occupancy, factor):
            best = change
    return best and Change(best.nodes[::-1], best.steps, best.balance)


def expanded(snapshot: Snapshot, tags: TagRules, factor: float) -> Change:
    """Power on as few nodes as needed for every node to have room for ``factor`` instances; or all of them."""
    candidates = online_candidates(snapshot)
    change = _balanced(snapshot, tags, (), offline=False)
    for count in range(1, len(candidates) + 1):
        if spacious(snapshot, change.balance.occupancy, factor):
            break
        change = _balanced(snapshot, tags, tuple(candidates[:count]), offline=False)
    return change


def _balanced(snapshot: Snapshot, tags: TagRules, nodes: tuple[int, ...], *, offline: bool) -> Change:
    switched = snapshot.with_nodes(
        msgspec.structs.replace(node, offline=offline) if index in nodes else node
        for index, node in enumerate(snapshot.nodes)
    )
    balance = Balance(switched, None, tags)

    def enough(before: float, after: float) -> bool:
        gain = before - after
        return gain < _ROUNDING or (before <= _GAIN_LIMIT and gain < _LEAST_GAIN)

    return Change(nodes, tuple(descend(balance, enough)), balance)


def _empty(occupancy: Occupancy, nodes: Iterable[int]) -> bool:
    chosen = np.array(list(nodes), dtype=int)
    return not (occupancy.primaries + occupancy.secondaries)[chosen].any()
