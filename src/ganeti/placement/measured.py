# SPDX-License-Identifier: BSD-2-Clause
"""Measured CPU load, in processors, attributed to the instances that cause it (hbal(1), ``--mond``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ganeti.placement.demand import Resource, taken
from ganeti.placement.snapshot import Instance, Snapshot


def with_loads_of_nodes(snapshot: Snapshot, loads: Sequence[float]) -> Snapshot:
    """``loads`` by node. Instances share their node's load in proportion to their virtual processors.

    The node's own processors have a share too, which stays when instances move. The load of offline or forthcoming
    instances is estimated by the same share; it was not measured.
    """
    used = taken(snapshot)[Resource.VCPUS]
    vcpus = [float(used[index]) + node.node_cpus for index, node in enumerate(snapshot.nodes)]
    shares = [load / count if count else 0.0 for load, count in zip(loads, vcpus, strict=True)]
    made = snapshot.with_instances(_making(i, shares[i.primary] * i.vcpus) for i in snapshot.instances)
    others = [load - float(of_instances) for load, of_instances in zip(loads, _made(made), strict=True)]
    return _with_others(made, others)


def with_loads_of_instances(snapshot: Snapshot, loads: Mapping[str, float]) -> Snapshot:
    """``loads`` by name of the instance, for all instances."""
    made = snapshot.with_instances(_making(instance, loads[instance.name]) for instance in snapshot.instances)
    return _with_others(made, [0.0] * len(snapshot.nodes))


def _making(instance: Instance, load: float) -> Instance:
    return msgspec.structs.replace(instance, load=msgspec.structs.replace(instance.load, cpu=load))


def _made(snapshot: Snapshot) -> Sequence[float]:
    """By node, the total load of its instances."""
    alone = _with_others(snapshot, [0.0] * len(snapshot.nodes))
    loads: list[float] = taken(alone)[Resource.CPU_LOAD].tolist()
    return loads


def _with_others(snapshot: Snapshot, loads: Sequence[float]) -> Snapshot:
    nodes = zip(snapshot.nodes, loads, strict=True)
    return snapshot.with_nodes(msgspec.structs.replace(node, other_load=load) for node, load in nodes)
