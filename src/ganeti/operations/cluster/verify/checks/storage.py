# SPDX-License-Identifier: BSD-2-Clause
"""That nodes have the directories in which disks are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import CheckDirectory
from ganeti.rpc.contract.verify import Problems


def _check_directory(template: DiskTemplate, setting: str) -> Callable[[Scene, Node], CheckDirectory | None]:
    def call(scene: Scene, node: Node) -> CheckDirectory | None:
        cluster = scene.state.cluster
        if not node.hosting or template not in cluster.enabled_disk_templates:
            return None
        return CheckDirectory(directories=(getattr(cluster, setting),))

    return call


_DIRECTORIES: dict[Code, Question[Problems]] = {
    Code.ENODEFILESTORAGEPATHUNUSABLE: Question(
        "its directory for files", _check_directory(DiskTemplate.FILE, "file_storage_dir")
    ),
    Code.ENODESHAREDFILESTORAGEPATHUNUSABLE: Question(
        "its directory for shared files", _check_directory(DiskTemplate.SHARED_FILE, "shared_file_storage_dir")
    ),
}


def _directories(scene: Scene) -> Iterator[Finding]:
    for code, question in _DIRECTORIES.items():
        for node, problems in scene.answered(question):
            yield from (Finding(code, node.name, problem) for problem in problems)


CHECKS = (
    Check(
        "Verifying storage directories",
        Code.ENODEFILESTORAGEPATHUNUSABLE,
        _directories,
        tuple(_DIRECTORIES.values()),
    ),
)
