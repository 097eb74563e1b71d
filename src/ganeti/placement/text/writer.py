# SPDX-License-Identifier: BSD-2-Clause
"""Writing a cluster in the text format of htools(1)."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.placement.snapshot import NO_NODE, Group, Instance, Node, Snapshot
from ganeti.placement.text.policies import serialise_policy


def serialise(snapshot: Snapshot) -> str:
    """A file from which ``parse`` reads the same snapshot, without measured and dynamic loads."""
    sections = (
        (_group(group) for group in snapshot.groups),
        (_node(node, snapshot.groups) for node in snapshot.nodes),
        (_instance(instance, snapshot.nodes) for instance in snapshot.instances),
        snapshot.tags,
        _policies(snapshot),
    )
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections)


def _group(group: Group) -> str:
    return "|".join((group.name, group.uuid, group.alloc_policy, ",".join(group.tags), ",".join(group.networks)))


def _node(node: Node, groups: tuple[Group, ...]) -> str:
    role = "Y" if node.offline else "M" if node.master else "N"
    sizes = (node.total_memory, node.node_memory, node.free_memory, node.total_disk, node.free_disk, node.cpus)
    exclusive = "Y" if node.exclusive_storage else "N"
    return "|".join(
        str(value)
        for value in (
            *(node.name, *sizes, role, groups[node.group].uuid, node.spindles, ",".join(node.tags)),
            *(exclusive, node.free_spindles, node.node_cpus, node.cpu_speed),
        )
    )


def _instance(instance: Instance, nodes: tuple[Node, ...]) -> str:
    secondary = "" if instance.secondary == NO_NODE else nodes[instance.secondary].name
    balanced = "Y" if instance.auto_balance else "N"
    spindles = "-" if instance.spindles is None else instance.spindles
    return "|".join(
        str(value)
        for value in (
            *(instance.name, instance.memory, instance.disk, instance.vcpus, instance.status, balanced),
            *(nodes[instance.primary].name, secondary, instance.template, ",".join(instance.tags)),
            *(instance.spindle_use, spindles, "Y" if instance.forthcoming else "N"),
        )
    )


def _policies(snapshot: Snapshot) -> Iterable[str]:
    yield serialise_policy("", snapshot.policy)
    for group in snapshot.groups:
        yield serialise_policy(group.name, group.policy)
