# SPDX-License-Identifier: BSD-2-Clause
"""What nodes have of guests that belongs to no instance, besides logical volumes and guests that they manage."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import ListDiskFiles
from ganeti.rpc.contract.verify import FindStrays, Problems

_MOST = 20  # of a node that are named


def _find(scene: Scene, node: Node) -> FindStrays | None:
    return FindStrays(hypervisors=scene.state.cluster.enabled_hypervisors) if node.hosting else None


_STRAYS: Question[Problems] = Question("which processes of guests it does not manage", _find)


def _processes(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_STRAYS):
        yield from (Finding(Code.ENODEORPHANINSTANCE, node.name, problem) for problem in problems)


def _list(scene: Scene, node: Node) -> ListDiskFiles | None:
    """What is shared is looked at by one node alone."""
    cluster = scene.state.cluster
    first = next((one for one in scene.online if one.hosting), None)
    places = {DiskTemplate.FILE: cluster.file_storage_dir}
    if node is first:
        places[DiskTemplate.SHARED_FILE] = cluster.shared_file_storage_dir
    found = tuple(place for kind, place in places.items() if kind in cluster.enabled_disk_templates and place)
    return ListDiskFiles(directories=found) if node.hosting and found else None


_FILES: Question[tuple[str, ...]] = Question("its files of disks", _list)


def _files(scene: Scene) -> Iterator[Finding]:
    for node, files in scene.answered(_FILES):
        known = {
            disk.location
            for instance in scene.state.instances
            if instance.disk_template is not DiskTemplate.FILE or instance.primary_node == node.uuid
            for disk in instance.disks
        }
        strays = [file for file in files if file not in known and file.split("/")[-2] not in scene.busy]
        for file in strays[:_MOST]:
            text = f"file {file} belongs to no instance; remove it, or move it elsewhere"
            yield Finding(Code.ENODEFILESTORAGEPATHS, node.name, text, warning=True)
        if more := strays[_MOST:]:
            text = f"has {len(more)} more such files"
            yield Finding(Code.ENODEFILESTORAGEPATHS, node.name, text, warning=True)


CHECKS = (
    Check("Verifying orphan processes", Code.ENODEORPHANINSTANCE, _processes, (_STRAYS,)),
    Check("Verifying orphan files", Code.ENODEFILESTORAGEPATHS, _files, (_FILES,)),
)
