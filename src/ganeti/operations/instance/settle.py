# SPDX-License-Identifier: BSD-2-Clause
"""Cleaning up after an interrupted migration."""

from __future__ import annotations

from ganeti.errors import GanetiError, WrongState
from ganeti.jobs.context import RunContext, Thing
from ganeti.jobs.preview import Preview
from ganeti.model.disk import DiskUse
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.report import RunningGuest
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.activation import about_disks, hold, is_handed_over
from ganeti.operations.instance.copying import missing_disks
from ganeti.operations.instance.making import leftover, remove_left
from ganeti.operations.instance.subject import primary_of
from ganeti.rpc.contract.instance import DescribeGuest, FinishIncoming, FinishOutgoing
from ganeti.rpc.contract.storage import ExamineDisks


async def settle(cluster: RunContext, instance: Instance) -> None:
    """Find out where the guest runs, make that its primary node, and remove what is left elsewhere.

    That includes copies of its disks, if it can have only one of each. Raises WrongState if it runs on several nodes,
    or if a node that may have it does not answer.
    """
    found = await _look(cluster, instance)
    running = [node for node, guest in found if guest.state.runs]
    if len(running) > 1:
        names = " and ".join(node.name for node in running)
        raise WrongState(
            f"Instance {instance.name} is running on {names} at once; stop it manually on all but one of them, "
            "then run 'gnt-instance migrate --cleanup'"
        )
    home = running[0] if running else primary_of(cluster.state, instance)
    if not running:
        _ensure_not_gone(instance, home, found)
    await _clear_others(cluster, instance, home, found)
    guest = guest_of(cluster.state, instance)
    if any(node.uuid == home.uuid for node, _ in found):
        # A guest that was paused for a move that did not happen is resumed.
        await cluster.call(home, FinishOutgoing(guest=guest, success=False))
        if is_handed_over(instance):
            await hold(cluster, instance, home, DiskUse.OWN)
        await _tell_if_paused(cluster, instance, home)
    current = cluster.state.get(Instance, instance.uuid)
    cluster.log(f"Instance {instance.name} runs on {home.name}; that is its primary node now")
    left = await _copies_elsewhere(cluster, instance, home)
    changed = [evolve(current, primary_node=home.uuid)] if current.primary_node != home.uuid else []
    await cluster.commit(changed, then=left)
    await remove_left(cluster, left)


async def settle_interrupted(cluster: RunContext, instance: Instance) -> None:
    """As ``settle``, after the death of the master daemon that had the guest sent."""
    for residue in cluster.residue:
        cluster.live.brought(residue.node, instance.uuid)
    await settle(cluster, instance)


def settling(name: str) -> Preview:
    """What ``settle`` would do, which depends on what it finds."""
    return Preview(
        (f"find out where {name} runs, make that its primary node, and clear away what is left elsewhere",),
        risks=(f"if a node that may have {name} does not answer, or it runs twice, nothing is changed",),
    )


def _ensure_not_gone(instance: Instance, home: Node, found: list[tuple[Node, RunningGuest]]) -> None:
    """Raise WrongState for a guest that has left its primary node, and has ended elsewhere: the newest is there."""
    left = any(node.uuid == home.uuid and guest.state is GuestState.MIGRATED for node, guest in found)
    ended = [node.name for node, guest in found if node.uuid != home.uuid and guest.state.ended]
    if left and ended:
        raise WrongState(
            f"Instance {instance.name} was sent from {home.name} to {ended[0]}, and has ended there since; what it "
            f"wrote last is there. 'gnt-instance shutdown {instance.name}' and 'gnt-instance modify --new-primary "
            f"{ended[0]} {instance.name}' have it start there"
        )


async def _copies_elsewhere(cluster: RunContext, instance: Instance, home: Node) -> tuple[Thing, ...]:
    """The disks on other nodes that answer, of an instance whose disks are on one node only.

    A disk is called by its UUID, so what has its name is a copy of it.
    """
    if TEMPLATES[instance.disk_template].copies != 1 or not instance.disks:
        return ()
    examine = about_disks(ExamineDisks, cluster.state, instance)
    others = [node for node in cluster.state.hosting_nodes if node.uuid != home.uuid]
    answers = await cluster.call_all(others, examine)
    here = await cluster.call(home, examine)
    if missing := missing_disks(here):
        cluster.warn(f"{home.name} has not all disks of {instance.name}, so none are removed: {'; '.join(missing)}")
        return ()
    disks, left = disks_of(cluster.state, instance), []
    for node in others:
        statuses = answers[node.name]
        if isinstance(statuses, GanetiError):
            cluster.warn(
                f"Whether {node.name} has copies of the disks of {instance.name} is not known: {statuses.message}"
            )
        elif same := [one.path for one, own in zip(statuses, here, strict=True) if one.path and one.same_as(own)]:
            cluster.warn(
                f"{node.name} sees the disks of {home.name} itself ({', '.join(same)}), and not copies; they stay"
            )
        elif any(status.path for status in statuses):
            left.append(leftover(instance.name, node, disks, ()))
    return tuple(left)


async def _tell_if_paused(cluster: RunContext, instance: Instance, home: Node) -> None:
    now = await cluster.call(home, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
    if now and now.state.can_resume:
        cluster.warn(
            f"Instance {instance.name} is {now.state.because(now.reason)}, not by the migration, and stays so; "
            "'gnt-instance startup' resumes it"
        )


async def _look(cluster: RunContext, instance: Instance) -> list[tuple[Node, RunningGuest]]:
    """The nodes that have the guest in any state."""
    nodes = [node for node in cluster.state.hosting_nodes if _is_concerned(cluster, instance, node)]
    answers = await cluster.call_all(nodes, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
    found = []
    for node in nodes:
        answer = answers[node.name]
        if isinstance(answer, GanetiError):
            raise WrongState(f"Node {node.name} might have {instance.name}, and does not answer: {answer.message}")
        if answer is not None:
            found.append((node, answer))
    return found


def _is_concerned(cluster: RunContext, instance: Instance, node: Node) -> bool:
    """False for silent nodes that can't have it (see ``rpc/watch.py``)."""
    return (
        node.uuid == instance.primary_node
        or cluster.live.reachable(node.uuid, instance.hypervisor)
        or cluster.live.might_have(node.uuid, instance.uuid, instance.hypervisor)
    )


async def _clear_others(
    cluster: RunContext, instance: Instance, home: Node, found: list[tuple[Node, RunningGuest]]
) -> None:
    guest = guest_of(cluster.state, instance)
    for node, present in found:
        if node.uuid == home.uuid:
            continue
        cluster.log(f"Clearing away what is left of {instance.name} on {node.name} ({present.state})")
        if present.state is GuestState.INCOMING:
            await cluster.call(node, FinishIncoming(guest=guest, success=False))
        else:
            await cluster.call(node, FinishOutgoing(guest=guest, success=True))
