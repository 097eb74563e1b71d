# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the thin pools of disks exist, and are not filling up."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.model.report import NodeReport, Space
from ganeti.model.template import StorageUnit, unit_of
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.node import DescribeNode

FILLING = 80.0  # percent of a pool's data or metadata space from which it is reported


def _used(scene: Scene, node: Node) -> dict[StorageUnit, str]:
    """The pools of a node that contain disks, each with an instance that has one there."""
    return {
        unit: instance.name
        for instance in sorted(scene.state.instances_on(node.uuid), key=lambda instance: instance.name, reverse=True)
        if instance.disk_template is DiskTemplate.PLAIN
        for disk in instance.disks
        if disk.thin_pool and (unit := unit_of(scene.state.cluster, disk))
    }


def _describe(scene: Scene, node: Node) -> DescribeNode | None:
    units = tuple(_used(scene, node)) if node.hosting else ()
    return DescribeNode(hypervisors=(), storage=units) if units else None


_POOLS: Question[NodeReport] = Question("its thin pools", _describe)


def _pools(scene: Scene) -> Iterator[Finding]:
    for node, report in scene.answered(_POOLS):
        found = {space.unit: space for space in report.storage}
        for unit, instance in _used(scene, node).items():
            if unit not in found:
                text = f"there is no thin pool {unit.key}, which {instance} has a disk in"
                yield Finding(Code.ENODELVM, node.name, text)
            else:
                yield from _filling(node, found[unit])


def _filling(node: Node, space: Space) -> Iterator[Finding]:
    if (use := space.pool) and use.most >= FILLING:
        text = (
            f"thin pool {space.unit.key} is filled to {use.data:.0f} %, its metadata to {use.metadata:.0f} %; it has "
            f"{space.total} MiB, the disks in it {use.promised} MiB; guests are paused when it is full: make it larger "
            "('lvextend'; '--poolmetadatasize' for its metadata), or move or remove disks"
        )
        yield Finding(Code.ENODELVM, node.name, text, warning=not use.full)


CHECKS = (Check("Verifying thin pools", Code.ENODELVM, _pools, (_POOLS,)),)
