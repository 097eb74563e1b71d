# SPDX-License-Identifier: BSD-2-Clause
"""Copies the content of an instance's disks to other disks, from node to node or within one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext, Thing
from ganeti.model.compression import Compression
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.operations.instance.activation import about_disks
from ganeti.operations.instance.making import leftover
from ganeti.operations.instance.subject import online_nodes_of, primary_of
from ganeti.rpc.contract.copying import AwaitCopy, Party, SendCopy
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks


async def with_true_sizes(cluster: CheckContext, instance: Instance) -> Instance:
    """The instance with the actual sizes of its disks: one that its storage rounded up may be used to its end.

    Raises WrongState if one is missing, or smaller than recorded.
    """
    node = primary_of(cluster.state, instance)
    statuses = await cluster.call(node, about_disks(ExamineDisks, cluster.state, instance))
    _ensure_sound(instance, node, statuses)
    disks = [replace(disk, size=status.size) for disk, status in zip(instance.disks, statuses, strict=True)]
    return evolve(instance, disks=tuple(disks))


def _ensure_sound(instance: Instance, node: Node, statuses: Sequence[DiskStatus]) -> None:
    if wrong := missing_disks(statuses):
        raise WrongState(f"The disks of {instance.name} on {node.name} are not all there: {'; '.join(wrong)}")


def missing_disks(statuses: Sequence[DiskStatus]) -> list[str]:
    """What is wrong with each unusable disk, as text."""
    return [f"disk/{index}: {status.problem}" for index, status in enumerate(statuses) if status.problem]


async def copy_disks(cluster: RunContext, old: Instance, new: Instance, compress: Compression = "none") -> None:
    """From the primary node of ``old`` to that of ``new``; both hold the disks meanwhile. The guest must not run."""
    source, target = primary_of(cluster.state, old), primary_of(cluster.state, new)
    copies = zip(disks_of(cluster.state, old), disks_of(cluster.state, new), strict=True)
    for index, (disk, copy) in enumerate(copies):
        cluster.step(f"copying disk {index} of {old.name} ({disk.size} MiB) from {source.name} to {target.name}")
        wait = AwaitCopy(
            disk=copy, sender=party(source), address=target.migration_ip, peers=peers_of(cluster.state, new.disks)
        )
        port = await cluster.call(target, wait)
        send = SendCopy(
            disk=disk,
            receiver=party(target),
            address=target.migration_ip,
            port=port,
            peers=peers_of(cluster.state, old.disks),
            compress=compress,
        )
        await cluster.call(source, send)


def left_of(cluster: CheckContext, instance: Instance) -> tuple[Thing, ...]:
    """The parts of its disks on its nodes, to be removed; none on nodes that are marked offline."""
    disks, peers = disks_of(cluster.state, instance), peers_of(cluster.state, instance.disks)
    nodes = online_nodes_of(cluster.state, instance)
    return tuple(leftover(instance.name, node, disks, peers) for node in nodes) if disks else ()


def party(node: Node) -> Party:
    return Party(node.name, node.certificates)
