# SPDX-License-Identifier: BSD-2-Clause
"""Checks what instances run with: parameters that they get only at their next start, programs that were replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.running import differences
from ganeti.model.running_program import RunningProgram
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.instance import RecallGuests, TellPrograms

T = TypeVar("T", Guest, RunningProgram)


def _recall(scene: Scene, node: Node) -> RecallGuests | None:
    return RecallGuests(hypervisors=scene.state.cluster.enabled_hypervisors) if node.vm_capable else None


STARTED: Question[tuple[Guest, ...]] = Question("what its instances were started with", _recall)


def _told(scene: Scene, question: Question[tuple[T, ...]]) -> Iterator[tuple[Instance, T]]:
    """What primary nodes tell of those of their instances that no job is changing."""
    instances = {instance.uuid: instance for instance in scene.instances}
    for node, answer in scene.answered(question):
        for one in answer:
            instance = instances.get(one.uuid)
            if instance and instance.primary_node == node.uuid and instance.name not in scene.busy:
                yield instance, one


def _pending(scene: Scene) -> Iterator[Finding]:
    for instance, guest in _told(scene, STARTED):
        if found := differences(guest_of(scene.state, instance), guest):
            text = f"takes effect at its next start: {'; '.join(map(str, found))}"
            yield Finding(Code.EINSTANCEMISSINGCFGPARAMETER, instance.name, text, warning=True)


def _programs(scene: Scene, node: Node) -> TellPrograms | None:
    return TellPrograms(hypervisors=scene.state.cluster.enabled_hypervisors) if node.vm_capable else None


_PROGRAMS: Question[tuple[RunningProgram, ...]] = Question("which programs run its instances", _programs)


def _outdated(scene: Scene) -> Iterator[Finding]:
    for instance, program in _told(scene, _PROGRAMS):
        if program.problem:
            yield Finding(Code.EINSTANCEOUTDATED, instance.name, f"its program is {program.told()}", warning=True)
        elif program.outdated:
            text = f"runs {program.told()}; 'gnt-instance renew {instance.name}' has it run that"
            yield Finding(Code.EINSTANCEOUTDATED, instance.name, text, warning=True)


CHECKS = (
    Check("Verifying what instances run with", Code.EINSTANCEMISSINGCFGPARAMETER, _pending, (STARTED,)),
    Check("Verifying that instances run what is installed", Code.EINSTANCEOUTDATED, _outdated, (_PROGRAMS,)),
)
