# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the instances of every node would fit elsewhere if it died: the rule of placement (global N+1)."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.template import TEMPLATES
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks.nodes import REPORT
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene
from ganeti.placement.from_state import snapshot_of
from ganeti.placement.snapshot import Instance


def _redundancy(scene: Scene) -> Iterator[Finding]:
    # They import NumPy, which the remote API, which imports all operations, does not need.
    from ganeti.placement.allocator.capacity import Capacity  # noqa: PLC0415
    from ganeti.placement.occupancy import Occupancy  # noqa: PLC0415

    reports = {node.uuid: report for node, report in scene.answered(REPORT)}
    snapshot = snapshot_of(scene.state, reports)
    stuck = Capacity(snapshot, Occupancy(snapshot), counts=_to_be_saved).stuck()
    for node, has_no_room in zip(scene.state.nodes, stuck, strict=True):
        if has_no_room and node.uuid in reports:
            text = "not enough memory on other nodes for its instances if it fails"
            yield Finding(Code.ENODEN1, node.name, text)


def _to_be_saved(instance: Instance) -> bool:
    """Instances whose disks die with their node are counted in the notes."""
    movable = TEMPLATES[DiskTemplate(str(instance.template))].movable
    return movable and instance.auto_balance and instance.status.holds_memory


CHECKS = (
    Check(
        "Verifying N+1 Memory redundancy",
        Code.ENODEN1,
        _redundancy,
        (REPORT,),
        skip="nplusone_mem",
    ),
)
