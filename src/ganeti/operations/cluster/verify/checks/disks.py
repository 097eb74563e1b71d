# SPDX-License-Identifier: BSD-2-Clause
"""Checks that instances' disks exist, with all copies, and that there are no orphaned ones."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.guest import disks_of, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.operations.instance.synchronising import describe
from ganeti.operations.node.volumes import owners
from ganeti.query.pattern import Patterns
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks, ListVolumes, StoredVolume


def _examine(scene: Scene, node: Node) -> ExamineDisks | None:
    there = (instance for instance in scene.state.instances_on(node.uuid) if not instance.forthcoming)
    instances = sorted(there, key=lambda instance: instance.name)
    disks = tuple(disk for instance in instances for disk in disks_of(scene.state, instance))
    return ExamineDisks(disks=disks, peers=peers_of(scene.state, disks)) if disks else None


DISKS: Question[tuple[DiskStatus, ...]] = Question("the state of its disks", _examine)


def examined(scene: Scene) -> Iterator[tuple[Instance, int, Node, DiskStatus]]:
    """For each disk that no job is working on, on each of its nodes: the instance, its number, and its status there."""
    owners = {disk.uuid: (i, n) for i in scene.instances for n, disk in enumerate(i.disks)}
    for node, statuses in scene.answered(DISKS):
        for status in statuses:
            if status.uuid not in owners:
                continue  # not asked
            instance, index = owners[status.uuid]
            if instance.name not in scene.busy:
                yield instance, index, node, status


def _disks(scene: Scene) -> Iterator[Finding]:
    for instance, index, node, status in examined(scene):
        if status.problem:
            text = f"disk/{index} on {node.name}: {status.problem}"
            yield Finding(Code.EINSTANCEMISSINGDISK, instance.name, text)


def _mirrors(scene: Scene) -> Iterator[Finding]:
    for instance, index, node, status in examined(scene):
        if status.mirror and status.mirror.degraded:
            under_way = status.mirror.synced is not None
            how = "being synchronised" if under_way else "degraded"
            text = f"disk/{index} on {node.name} is {how}: {describe(status)}"
            yield Finding(Code.EINSTANCEFAULTYDISK, instance.name, text, warning=under_way)


def _list(scene: Scene, node: Node) -> ListVolumes | None:
    cluster = scene.state.cluster
    used = node.hosting and any(TEMPLATES[t].in_volume_group for t in map(DiskTemplate, cluster.enabled_disk_templates))
    return ListVolumes(groups=(cluster.vg_name,)) if used and cluster.vg_name else None


_VOLUMES: Question[tuple[StoredVolume, ...]] = Question("its logical volumes", _list)


def _orphans(scene: Scene) -> Iterator[Finding]:
    reserved = [Patterns("reserved_lvs").fitting(expression) for expression in scene.state.cluster.reserved_lvs]
    for node, volumes in scene.answered(_VOLUMES):
        known = owners(scene.state, node)
        for volume in volumes:
            under_way = any(f"originstname+{name}" in volume.tags for name in scene.busy)
            kept = volume.pool or any(fits(volume.location) for fits in reserved)
            if volume.location not in known and not under_way and not kept:
                text = f"logical volume {volume.location} belongs to no instance; remove it, or see --reserved-lvs"
                yield Finding(Code.ENODEORPHANLV, node.name, text)


CHECKS = (
    Check("Verifying instance disks", Code.EINSTANCEMISSINGDISK, _disks, (DISKS,)),
    Check("Verifying copies of mirrored disks", Code.EINSTANCEFAULTYDISK, _mirrors, (DISKS,)),
    Check("Verifying orphan volumes", Code.ENODEORPHANLV, _orphans, (_VOLUMES,)),
)
