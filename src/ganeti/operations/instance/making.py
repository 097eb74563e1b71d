# SPDX-License-Identifier: BSD-2-Clause
"""Creates the disks of an instance on all its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganeti.errors import GanetiError
from ganeti.host.gathering import gather
from ganeti.jobs.context import RunContext, Thing
from ganeti.model.disk import Disk, DiskUse
from ganeti.model.guest import Guest, Peer
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.activation import is_mirrored
from ganeti.rpc.contract.storage import CreateDisks, HoldDisks, RemoveDisks


async def make_disks(cluster: RunContext, instance: Instance, guest: Guest, *, overwritten: bool = False) -> None:
    """Create them; if the operation fails before its commit, they are removed again.

    ``overwritten``: they will be filled completely before anybody sees their content, so wiping is unnecessary.
    Afterwards mirrored ones are held on all their nodes, and are being synchronised from the primary one.
    """
    if not guest.disks:
        return
    cluster.step("creating instance disks...")
    nodes = [cluster.state.get(Node, uuid) for uuid in instance.nodes]
    await cluster.will_leave(*(leftover(guest.name, node, guest.disks, guest.peers) for node in nodes))
    create = CreateDisks(disks=guest.disks, peers=guest.peers, wipe=not overwritten and wiped(cluster, instance))
    if create.wipe:
        cluster.step("wiping instance disks, since prealloc_wipe_disks is set for the cluster")
    await gather(*(cluster.call(node, create, prefix="   ") for node in nodes))
    if is_mirrored(instance):
        await connect_copies(cluster, guest.disks, guest.peers, nodes)


def wiped(cluster: RunContext, instance: Instance) -> bool:
    """Whether new disk space is overwritten with zeros before it is used."""
    return cluster.state.cluster.prealloc_wipe_disks and TEMPLATES[instance.disk_template].wiped


def leftover(owner: str, node: Node, disks: Sequence[Disk], peers: Sequence[Peer]) -> Thing:
    """The parts of disks on a node: a description for users, and the call that removes them."""
    places = ", ".join(disk.location or disk.uuid for disk in disks)
    call = RemoveDisks(disks=tuple(disks), peers=tuple(peers))
    return f"the disks of {owner} on {node.name} ({places})", node, call


async def remove_left(cluster: RunContext, left: Iterable[Thing]) -> None:
    """Remove leftovers; failures are only reported."""
    for what, node, remove in left:
        if node.offline:
            cluster.warn(f"Node {node.name} is marked offline; {what} stay there")
            continue
        try:
            await cluster.call(node, remove)
        except GanetiError as error:
            cluster.warn(f"{what} stay there: {error.message}")


async def connect_copies(
    cluster: RunContext, disks: tuple[Disk, ...], peers: tuple[Peer, ...], nodes: Sequence[Node]
) -> None:
    """Have the copies of new mirrors synchronised from the first node, whatever is on the others."""
    primary, *others = nodes
    standby = HoldDisks(disks=disks, peers=peers)
    await gather(*(cluster.call(node, standby) for node in others))
    # DRBD considers neither copy of a new mirror newer: the primary node's becomes the source.
    await cluster.call(primary, HoldDisks(disks=disks, peers=peers, use=DiskUse.OWN, force=True))
    await cluster.call(primary, standby)
