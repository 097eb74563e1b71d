# SPDX-License-Identifier: BSD-2-Clause
"""Load of processors that was measured, in processors, given to those who make it (hbal(1), ``--mond``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ganeti.placement.demand import Resource, taken
from ganeti.placement.snapshot import Instance, Snapshot


def with_loads_of_nodes(snapshot: Snapshot, loads: Sequence[float]) -> Snapshot:
    """``loads`` by node. An instance makes a share of its node's load by its virtual processors.

    The node's own processors have a share too, which stays where it is when instances move. What instances that are
    offline or forthcoming would make is a guess from the same share; it is in nobody's measurement.
    """
    used = taken(snapshot)[Resource.VCPUS]
    vcpus = [float(used[index]) + node.node_cpus for index, node in enumerate(snapshot.nodes)]
    shares = [load / count if count else 0.0 for load, count in zip(loads, vcpus, strict=True)]
    made = snapshot.with_instances(_making(i, shares[i.primary] * i.vcpus) for i in snapshot.instances)
    others = [load - float(of_instances) for load, of_instances in zip(loads, _made(made), strict=True)]
    return _with_others(made, others)


def with_loads_of_instances(snapshot: Snapshot, loads: Mapping[str, float]) -> Snapshot:
    """``loads`` by the name of the instance, of all of them."""
    made = snapshot.with_instances(_making(instance, loads[instance.name]) for instance in snapshot.instances)
    return _with_others(made, [0.0] * len(snapshot.nodes))


def _making(instance: Instance, load: float) -> Instance:
    return msgspec.structs.replace(instance, load=msgspec.structs.replace(instance.load, cpu=load))


def _made(snapshot: Snapshot) -> Sequence[float]:
    """By node, what its instances make together."""
    alone = _with_others(snapshot, [0.0] * len(snapshot.nodes))
    loads: list[float] = taken(alone)[Resource.CPU_LOAD].tolist()
    return loads


def _with_others(snapshot: Snapshot, loads: Sequence[float]) -> Snapshot:
    nodes = zip(snapshot.nodes, loads, strict=True)
    return snapshot.with_nodes(msgspec.structs.replace(node, other_load=load) for node, load in nodes)
