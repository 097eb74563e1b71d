# SPDX-License-Identifier: BSD-2-Clause
"""Making nodes hold the disks of an instance, each for its use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from ganeti.errors import ExecutionFailed, GanetiError, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.disk import DiskUse
from ganeti.model.guest import disks_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.subject import nodes_of, primary_of
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks, HoldDisks, LabelDisks, ReleaseDisks, RemoveDisks

# DRBD's disk states: a copy known to have every write, and one that had when the connection was lost.
_UP_TO_DATE, _IN_DOUBT = "UpToDate", "Consistent"


C = TypeVar("C", HoldDisks, ReleaseDisks, ExamineDisks, RemoveDisks, LabelDisks)


def is_mirrored(instance: Instance) -> bool:
    return TEMPLATES[instance.disk_template].mirrored


def is_handed_over(instance: Instance) -> bool:
    return TEMPLATES[instance.disk_template].handed_over


def about_disks(call: type[C], state: State, instance: Instance, **more: Any) -> C:
    """A call about all disks of an instance, as its nodes need them; ``more``: its other fields."""
    return call(disks=disks_of(state, instance), peers=peers_of(state, instance.disks), **more)


async def hold(
    cluster: CheckContext, instance: Instance, node: Node, use: DiskUse, *, force: bool = False
) -> Sequence[str]:
    """HoldDisks for all disks of an instance. Returns their paths."""
    return await cluster.call(node, about_disks(HoldDisks, cluster.state, instance, use=use, force=force))


async def follow(cluster: RunContext, instance: Instance, node: Node, *, force: bool) -> None:
    """Before ``node`` uses the disks of an instance, connect the copies on its other nodes to it.

    Does nothing for disks that are not mirrored. Without ``force`` every node that is not marked offline must succeed.
    If one is left out, and ``node`` is the primary node, its copies are declared valid without it. Raises
    ExecutionFailed.
    """
    if not is_mirrored(instance):
        return
    others = [other for other in nodes_of(cluster.state, instance) if other.uuid != node.uuid]
    ready = _ready(cluster, others)
    answers = await cluster.call_all(ready, about_disks(HoldDisks, cluster.state, instance))
    for name, error in _failed(answers):
        if not force:
            raise ExecutionFailed(f"The disks of {instance.name} cannot be activated on {name}: {error}")
        cluster.warn(f"The disks of {instance.name} cannot be activated on {name}, so they are degraded: {error}")
    if (_failed(answers) or ready != others) and node.uuid == instance.primary_node:
        await _rely_on(cluster, instance, node)


async def _rely_on(cluster: RunContext, instance: Instance, node: Node) -> None:
    """Declare the primary node's copies valid although no other can be asked: no other node has used the disks since.

    A node cannot know that by itself. Copies that are known to have missed writes stay outdated.
    """
    if not all(status.mirror for status in await _own(cluster, instance, node)):
        await hold(cluster, instance, node, DiskUse.STANDBY)
    states = {status.mirror.disk for status in await _own(cluster, instance, node) if status.mirror}
    if _IN_DOUBT in states <= {_IN_DOUBT, _UP_TO_DATE}:
        await hold(cluster, instance, node, DiskUse.OWN, force=True)


async def _own(cluster: CheckContext, instance: Instance, node: Node) -> Sequence[DiskStatus]:
    return await cluster.call(node, about_disks(ExamineDisks, cluster.state, instance))


async def activate(
    cluster: RunContext, instance: Instance, *, use: DiskUse = DiskUse.OWN, force: bool = False
) -> Sequence[str]:
    """Have all its nodes hold the disks of an instance as they do while it runs; their paths on its primary node.

    With ``force`` the primary node holds them even if the others cannot. Raises ExecutionFailed, or WrongState if the
    copies there are not up to date.
    """
    node = primary_of(cluster.state, instance)
    await follow(cluster, instance, node, force=force)
    return await hold(cluster, instance, node, use)


async def deactivate(cluster: RunContext, instance: Instance) -> None:
    """Deactivate the disks of an instance that does not run, on all nodes. Raises what its primary node raises."""
    await hold(cluster, instance, primary_of(cluster.state, instance), DiskUse.STANDBY)
    await release(cluster, instance)


@asynccontextmanager
async def activated(cluster: RunContext, instance: Instance, *, runs: bool, force: bool = False) -> AsyncIterator[None]:
    """A context in which its disks are active; if it does not run, they are deactivated at the end."""
    try:
        await activate(cluster, instance, force=force)
        yield
    except GanetiError:
        if not runs:
            with suppress(GanetiError):  # the first error is more informative
                await deactivate(cluster, cluster.state.get(Instance, instance.uuid))
        raise
    if not runs:
        await deactivate(cluster, cluster.state.get(Instance, instance.uuid))


async def release(cluster: RunContext, instance: Instance) -> None:
    """Deactivate the mirrored disks of a stopped instance on all nodes, unless they are being synchronised."""
    if not is_mirrored(instance):
        return
    statuses = await examined(cluster, instance)
    if any(one.mirror and one.mirror.synced is not None for some in statuses.values() for one in some):
        cluster.log(f"The disks of {instance.name} are being synchronised, and stay active until they are in sync")
        return
    nodes = _ready(cluster, nodes_of(cluster.state, instance))
    answers = await cluster.call_all(nodes, about_disks(ReleaseDisks, cluster.state, instance))
    for name, error in _failed(answers):
        cluster.warn(f"The disks of {instance.name} stay active on {name}: {error}")


async def ensure_up_to_date(cluster: CheckContext, instance: Instance, node: Node) -> None:
    """Raise WrongState if a node's copies of mirrored disks are not up to date."""
    statuses = (await examined(cluster, instance)).get(node.name, ()) if is_mirrored(instance) else ()
    stale = [
        f"disk/{index} is {status.mirror.disk}"
        for index, status in enumerate(statuses)
        if status.mirror and not status.mirror.up_to_date
    ]
    if stale:
        raise WrongState(f"The copies on {node.name} are not up to date: {', '.join(stale)}")


async def examined(cluster: CheckContext, instance: Instance) -> Mapping[str, tuple[DiskStatus, ...]]:
    """The status of its disks, in their order, by name of each of its nodes that answers."""
    nodes = _ready(cluster, nodes_of(cluster.state, instance))
    answers = await cluster.call_all(nodes, about_disks(ExamineDisks, cluster.state, instance))
    return {name: answer for name, answer in answers.items() if not isinstance(answer, GanetiError)}


def _ready(cluster: CheckContext, nodes: Iterable[Node]) -> list[Node]:
    """The nodes that can be asked; a message says which ones are skipped."""
    offline = [node for node in nodes if node.offline]
    for node in offline:
        cluster.note(f"Node {node.name} is marked offline; its copies of the disks are left as they are")
    return [node for node in nodes if not node.offline]


def _failed(answers: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, answer.message) for name, answer in answers.items() if isinstance(answer, GanetiError)]
