# SPDX-License-Identifier: BSD-2-Clause
"""Checks that nodes can have exclusive storage: their physical volumes are alike, and no disk has to share any."""

from __future__ import annotations

from collections import defaultdict

from ganeti.declare.problems import Problems
from ganeti.errors import GanetiError, WrongState
from ganeti.jobs.context import CheckContext
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.model.report import NodeReport, Spindles, unequal
from ganeti.model.state import State
from ganeti.model.template import storage_units
from ganeti.operations.instance.spindles import suits
from ganeti.rpc.contract.node import DescribeNode


async def ensure_exclusive_possible(cluster: CheckContext, after: State) -> None:
    """Raise WrongState if nodes that get exclusive storage by the change cannot have it.

    Nodes that do not answer are named in the job's log.
    """
    groups = {node.group for node in after.nodes if _becomes_exclusive(cluster.state, after, node)}
    problems = Problems()
    for group in (group for group in after.groups if group.uuid in groups):
        with problems.noted():
            _ensure_no_others(after, group)
        with problems.noted():
            await _ensure_alike(cluster, after, group)
    problems.tell()


def spindles_of(report: NodeReport) -> list[Spindles]:
    """The volume groups in a node's report, each once."""
    found = {space.unit.key: space.spindles for space in report.storage if space.spindles}
    return list(found.values())


def _becomes_exclusive(before: State, after: State, node: Node) -> bool:
    if not after.is_exclusive(after.get(Group, node.group)):
        return False
    known = before.get(Node, node.uuid) if before.has(node) else None
    return known is None or known.group != node.group or not before.is_exclusive(before.get(Group, known.group))


def _ensure_no_others(after: State, group: Group) -> None:
    """Raise WrongState if an instance has disks there that can only share physical volumes."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for instance in after.instances:
        nodes = [after.get(Node, uuid) for uuid in instance.nodes]
        if any(node.group == group.uuid and not suits(after, instance, node) for node in nodes):
            names[instance.disk_template].append(instance.name)
    if names:
        told = "; ".join(f"{template}: {', '.join(some)}" for template, some in names.items())
        raise WrongState(
            f"Parameter 'exclusive_storage': in node group {group.name} there are instances whose disks cannot have "
            f"physical volumes for themselves ({told}); convert ('gnt-instance modify -t plain') or move them first"
        )


async def _ensure_alike(cluster: CheckContext, after: State, group: Group) -> None:
    nodes = [node for node in after.nodes if node.group == group.uuid and node.hosting]
    answers = await cluster.call_all(nodes, DescribeNode(hypervisors=(), storage=storage_units(after.cluster, group)))
    found: list[Spindles] = []
    for node in nodes:
        answer = answers[node.name]
        if isinstance(answer, GanetiError):
            cluster.note(f"{node.name} does not answer, so whether its physical volumes suit is not known")
        else:
            found += spindles_of(answer)
    if difference := unequal(found):
        raise WrongState(
            f"Parameter 'exclusive_storage': the physical volumes of node group {group.name} have {difference}; they "
            "must not differ by more than 1 %, so that a disk has the same room on each ('gnt-node list-storage -t "
            "lvm-pv' shows them)"
        )
