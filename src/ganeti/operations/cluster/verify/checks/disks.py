# SPDX-License-Identifier: BSD-2-Clause
"""That instances' disks are there."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.guest import disks_of, peers_of
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks


def _examine(scene: Scene, node: Node) -> ExamineDisks | None:
    instances = sorted(scene.state.instances_on(node.uuid), key=lambda instance: instance.name)
    disks = tuple(disk for instance in instances for disk in disks_of(scene.state, instance))
    return ExamineDisks(disks=disks, peers=peers_of(scene.state, disks)) if disks else None


_DISKS: Question[tuple[DiskStatus, ...]] = Question("the state of its disks", _examine)


def _disks(scene: Scene) -> Iterator[Finding]:
    owners = {disk.uuid: (i, n) for i in scene.instances for n, disk in enumerate(i.disks)}
    for node, statuses in scene.answered(_DISKS):
        for status in statuses:
            if status.uuid not in owners:
                continue  # nobody asked
            instance, index = owners[status.uuid]
            if status.problem and instance.name not in scene.busy:
                text = f"disk/{index} on {node.name}: {status.problem}"
                yield Finding(Code.EINSTANCEMISSINGDISK, instance.name, text)


CHECKS = (Check("Verifying instance disks", Code.EINSTANCEMISSINGDISK, _disks, (_DISKS,)),)
