# SPDX-License-Identifier: BSD-2-Clause
"""Checks that disks have physical volumes to themselves where storage is exclusive."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.node import Node
from ganeti.model.report import unequal
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks.disks import DISKS, examined
from ganeti.operations.cluster.verify.checks.nodes import REPORT
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene
from ganeti.operations.instance.spindles import suits
from ganeti.operations.node.spindles import spindles_of


def _sizes(scene: Scene) -> Iterator[Finding]:
    """On each node; then, if no single node is at fault, in the group."""
    assert scene.group  # noqa: S101 - a check of groups
    if not scene.state.is_exclusive(scene.group):
        return
    found = {node.name: spindles_of(report) for node, report in scene.answered(REPORT)}
    differing = {name: difference for name, spindles in found.items() if (difference := unequal(spindles))}
    for name, difference in differing.items():
        text = f"its storage is exclusive, but its physical volumes have {difference}; they should all have the same"
        yield Finding(Code.ENODELVM, name, text)
    if not differing and (difference := unequal([one for spindles in found.values() for one in spindles])):
        text = f"its storage is exclusive, but the physical volumes of its nodes have {difference}"
        yield Finding(Code.EGROUPDIFFERENTPVSIZE, scene.group.name, text)


def _sharing(scene: Scene) -> Iterator[Finding]:
    for instance, index, node, status in examined(scene):
        if status.sharing:
            text = f"disk/{index} of {instance.name} should have its physical volumes for itself: {status.sharing}"
            yield Finding(Code.ENODELVM, node.name, text)


def _numbers(scene: Scene) -> Iterator[Finding]:
    for instance, index, _, status in examined(scene):
        recorded = instance.disks[index].spindles
        if status.spindles and recorded != status.spindles:
            text = (
                f"disk/{index} is on {status.spindles} physical volumes, "
                f"{'none are' if recorded is None else recorded} recorded; "
                f"'gnt-cluster repair-disk-sizes {instance.name}' records them"
            )
            yield Finding(Code.EINSTANCEMISSINGCFGPARAMETER, instance.name, text)


def _templates(scene: Scene) -> Iterator[Finding]:
    for instance in scene.instances:
        nodes = [scene.state.get(Node, uuid) for uuid in instance.nodes]
        if unsuitable := [node.name for node in nodes if not suits(scene.state, instance, node)]:
            text = f"its disks (template {instance.disk_template}) cannot be exclusive, as the storage of "
            yield Finding(Code.EINSTANCEUNSUITABLENODE, instance.name, f"{text}{', '.join(unsuitable)} is to be")


CHECKS = (
    Check("Verifying sizes of physical volumes", Code.ENODELVM, _sizes, (REPORT,)),
    Check("Verifying that disks share no physical volumes", Code.ENODELVM, _sharing, (DISKS,)),
    Check("Verifying spindles of disks", Code.EINSTANCEMISSINGCFGPARAMETER, _numbers, (DISKS,)),
    Check("Verifying that disks can be exclusive", Code.EINSTANCEUNSUITABLENODE, _templates),
)
