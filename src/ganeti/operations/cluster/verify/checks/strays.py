# SPDX-License-Identifier: BSD-2-Clause
"""Checks for leftovers on nodes that belong to no instance, besides logical volumes and managed guests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.model.template import FILES, TEMPLATES
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import ListDiskFiles
from ganeti.rpc.contract.verify import FindStrays, Problems

_MOST = 20  # named per node


def _find(scene: Scene, node: Node) -> FindStrays | None:
    return FindStrays(hypervisors=scene.state.cluster.enabled_hypervisors) if node.hosting else None


_STRAYS: Question[Problems] = Question("which processes of guests it does not manage", _find)


def _processes(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_STRAYS):
        yield from (Finding(Code.ENODEORPHANINSTANCE, node.name, problem) for problem in problems)


def _list(scene: Scene, node: Node) -> ListDiskFiles | None:
    """Shared storage is searched by one node only."""
    cluster = scene.state.cluster
    first = next((one for one in scene.online if one.hosting), None)
    kinds = FILES if node is first else (DiskTemplate.FILE,)
    units = (TEMPLATES[kind].unit(cluster) for kind in kinds if kind in cluster.enabled_disk_templates)
    found = tuple(filter(None, units))
    return ListDiskFiles(directories=found) if node.hosting and found else None


_FILES: Question[tuple[str, ...]] = Question("its files of disks", _list)


def _files(scene: Scene) -> Iterator[Finding]:
    own: defaultdict[str, set[str]] = defaultdict(set)  # by node; shared ones belong to none
    for instance in scene.state.instances:
        holder = instance.primary_node if instance.disk_template is DiskTemplate.FILE else ""
        own[holder].update(disk.location for disk in instance.disks)
    for node, files in scene.answered(_FILES):
        known = own[""], own[node.uuid]
        unknown = [file for file in files if not any(file in some for some in known)]
        strays = [file for file in unknown if file.split("/")[-2] not in scene.busy]
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
