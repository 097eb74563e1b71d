# SPDX-License-Identifier: BSD-2-Clause
"""That nodes have the storage in which disks are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES, storage_units
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import CheckStorage
from ganeti.rpc.contract.verify import Problems


def _check_storage(template: DiskTemplate) -> Callable[[Scene, Node], CheckStorage | None]:
    def call(scene: Scene, node: Node) -> CheckStorage | None:
        units = tuple(unit for unit in storage_units(scene.state.cluster) if unit.template is template)
        return CheckStorage(units=units) if node.hosting and units else None

    return call


_STORAGE: dict[Code, Question[Problems]] = {
    Code(row.trouble): Question(f"its storage for disks of template {template}", _check_storage(template))
    for template, row in TEMPLATES.items()
    if row.trouble
}


def _storage(scene: Scene) -> Iterator[Finding]:
    for code, question in _STORAGE.items():
        for node, problems in scene.answered(question):
            yield from (Finding(code, node.name, problem) for problem in problems)


CHECKS = (
    Check(
        "Verifying storage directories",
        Code.ENODEFILESTORAGEPATHUNUSABLE,
        _storage,
        tuple(_STORAGE.values()),
    ),
)
