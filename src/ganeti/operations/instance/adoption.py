# SPDX-License-Identifier: BSD-2-Clause
"""Existing volumes become the disks of a new instance, unchanged (gnt-instance(8), "adopt")."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import replace

from ganeti.errors import WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, has_own_spindles
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES
from ganeti.operations.instance.disks import DiskRequest
from ganeti.operations.node.volumes import owners
from ganeti.rpc.contract.adoption import AdoptDisks, ExamineOffers, Offer, ReturnDisks


def sources_of(instance: Instance, requests: Sequence[DiskRequest]) -> tuple[str, ...]:
    """The volumes that its disks adopt, in order, as its node calls them; empty if they are created."""
    if not any(request.adopt for request in requests):
        return ()
    if TEMPLATES[instance.disk_template].adopted == "always":
        return tuple(disk.location for disk in instance.disks)
    groups = [disk.location.partition("/")[0] for disk in instance.disks]
    return tuple(f"{group}/{request.adopt}" for group, request in zip(groups, requests, strict=True))


async def with_sizes(cluster: CheckContext, instance: Instance, node: Node, sources: Sequence[str]) -> Instance:
    """The instance with the sizes of the adopted volumes. Raises WrongState for what cannot be adopted."""
    others = sorted(_devices_of_others(cluster, instance))
    exclusive = has_own_spindles(cluster.state, instance)
    call = ExamineOffers(template=instance.disk_template, sources=(*sources, *others), exclusive=exclusive)
    offers = await cluster.call(node, call)
    taken = {offer.device for offer in offers[len(sources) :]} | set(owners(cluster.state, node))
    _ensure_free(node, sources, offers[: len(sources)], taken)
    offered = offers[: len(sources)]
    _ensure_spindles(instance, offered)
    disks = [
        replace(disk, size=offer.size, spindles=offer.spindles or None, params=_in_pool(disk, offer.pool))
        for disk, offer in zip(instance.disks, offered, strict=True)
    ]
    return evolve(instance, disks=tuple(disks))


async def adopt(cluster: RunContext, guest: Guest, node: Node, sources: Sequence[str]) -> None:
    """Make the volumes its disks; if the operation fails before its commit, that is undone."""
    cluster.step(f"adopting {', '.join(sources)}...")
    disks, places = guest.disks, tuple(sources)
    what = f"the adoption of {', '.join(sources)} by {guest.name} on {node.name}"
    await cluster.will_leave((what, node, ReturnDisks(disks=disks, sources=places)))
    await cluster.call(node, AdoptDisks(disks=disks, sources=places))


def _in_pool(disk: Disk, pool: str) -> dict[str, Any]:
    """The parameters of a disk in this thin pool, or in none, whatever is set for new disks."""
    others = {name: value for name, value in disk.params.items() if name != "thinpool"}
    return others | {"thinpool": pool} if pool else others


def _ensure_spindles(instance: Instance, offers: Sequence[Offer]) -> None:
    wrong = [
        f"Disk {index}: parameter 'spindles': what is adopted is on {offer.spindles} physical volumes, "
        f"not on {disk.spindles}; leave it out"
        for index, (disk, offer) in enumerate(zip(instance.disks, offers, strict=True))
        if disk.spindles not in (None, offer.spindles)
    ]
    if wrong:
        raise WrongInput("\n".join(wrong))


def _devices_of_others(cluster: CheckContext, instance: Instance) -> set[str]:
    """Block devices of other instances on any node, which may be known by other names too."""
    return {
        disk.location
        for other in (*cluster.state.instances, *cluster.reservations.instances)
        if other.uuid != instance.uuid and other.disk_template is DiskTemplate.BLOCK is instance.disk_template
        for disk in other.disks
    }


def _ensure_free(node: Node, sources: Sequence[str], offers: Sequence[Offer], taken: Collection[str]) -> None:
    devices = [offer.device for offer in offers]
    if len(set(devices)) < len(devices):
        raise WrongInput(f"Parameter 'adopt': several of {', '.join(sources)} are the same device")
    wrong = ["It is a disk of an instance" if offer.device in taken else offer.problem for offer in offers]
    told = [
        f"{source} cannot be adopted on {node.name}: {problem}"
        for source, problem in zip(sources, wrong, strict=True)
        if problem
    ]
    if told:
        raise WrongState("\n".join(told))
