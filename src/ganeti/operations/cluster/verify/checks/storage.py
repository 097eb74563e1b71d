# SPDX-License-Identifier: BSD-2-Clause
"""Checks that nodes have the storage in which disks are created."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ganeti.model.disk import DiskTemplate
from ganeti.model.node import Node
from ganeti.model.template import TEMPLATES
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.storage import CheckStorage, DiagnoseStorage, StorageProvider
from ganeti.rpc.contract.verify import Problems


def _check_storage(template: DiskTemplate) -> Callable[[Scene, Node], CheckStorage | None]:
    def call(scene: Scene, node: Node) -> CheckStorage | None:
        units = tuple(unit for unit in scene.state.storage_of(node) if unit.template is template)
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


def _diagnose(scene: Scene, node: Node) -> DiagnoseStorage | None:
    needed = node.hosting and any(instance.disk_template is DiskTemplate.EXT for instance in scene.state.instances)
    return DiagnoseStorage() if needed else None


_PROVIDERS: Question[tuple[StorageProvider, ...]] = Question("its providers of external storage", _diagnose)


def _providers(scene: Scene) -> Iterator[Finding]:
    """Each provider that disks of a group's instances need, on all nodes of the group: they may be moved to any."""
    for node, providers in scene.answered(_PROVIDERS):
        found = {provider.name: provider for provider in reversed(providers)}  # several of one name: the first counts
        for name, instance in sorted(_needed(scene, node).items()):
            provider = found.get(name)
            if provider is None:
                yield Finding(Code.ENODESETUP, node.name, f"lacks the storage provider {name}, which {instance} needs")
            elif provider.problem:
                problem = f"the storage provider {name}, which {instance} needs, cannot be used: {provider.problem}"
                yield Finding(Code.ENODESETUP, node.name, problem)


def _needed(scene: Scene, node: Node) -> dict[str, str]:
    """By provider's name, an instance that needs it."""
    return {
        disk.location.partition("/")[0]: instance.name
        for instance in reversed(scene.state.instances)
        if instance.disk_template is DiskTemplate.EXT
        and scene.state.get(Node, instance.primary_node).group == node.group
        for disk in instance.disks
    }


CHECKS = (
    Check(
        "Verifying storage directories",
        Code.ENODEFILESTORAGEPATHUNUSABLE,
        _storage,
        tuple(_STORAGE.values()),
    ),
    Check("Verifying providers of external storage", Code.ENODESETUP, _providers, (_PROVIDERS,)),
)
