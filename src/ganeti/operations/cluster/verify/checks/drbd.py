# SPDX-License-Identifier: BSD-2-Clause
"""Checks DRBD in the kernels of nodes with mirrored disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ganeti.model.cluster import DRBD_HELPER
from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import DescribeDrbd, DrbdFacts


def _describe(scene: Scene, node: Node) -> DescribeDrbd | None:
    return DescribeDrbd() if DiskTemplate.DRBD in scene.state.cluster.enabled_disk_templates and node.hosting else None


_DRBD: Question[DrbdFacts] = Question("how its DRBD is", _describe)


def _helpers(scene: Scene) -> Iterator[Finding]:
    wanted = scene.state.cluster.drbd_helper or DRBD_HELPER
    for node, facts in scene.answered(_DRBD):
        if facts.version and facts.helper != wanted:
            text = (
                f"DRBD calls '{facts.helper}' on events instead of '{wanted}'; write that to "
                "/sys/module/drbd/parameters/usermode_helper, and 'options drbd usermode_helper="
                f"{wanted}' to a file in /etc/modprobe.d"
            )
            yield Finding(Code.ENODEDRBDHELPER, node.name, text)


def _versions(scene: Scene) -> Iterator[Finding]:
    """Where versions differ, those that fewer nodes have."""
    versions = {node.name: facts.version for node, facts in scene.answered(_DRBD) if facts.version}
    usual = Counter(versions.values()).most_common(1)
    for name, version in versions.items():
        if version != usual[0][0]:
            yield Finding(Code.ENODEDRBDVERSION, name, f"it has DRBD {version}, other nodes have {usual[0][0]}")


def _devices(scene: Scene) -> Iterator[Finding]:
    for node, facts in scene.answered(_DRBD):
        for minor in facts.minors:
            if (node.uuid, minor) not in scene.state.minors and not scene.busy:
                text = f"/dev/drbd{minor} belongs to no disk of an instance; 'drbdsetup show {minor}' tells what it is"
                yield Finding(Code.ENODEDRBD, node.name, text)


CHECKS = (
    Check("Verifying the usermode helper of DRBD", Code.ENODEDRBDHELPER, _helpers, (_DRBD,)),
    Check("Verifying versions of DRBD", Code.ENODEDRBDVERSION, _versions, (_DRBD,)),
    Check("Verifying devices of DRBD", Code.ENODEDRBD, _devices, (_DRBD,)),
)
