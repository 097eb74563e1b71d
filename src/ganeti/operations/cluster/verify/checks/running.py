# SPDX-License-Identifier: BSD-2-Clause
"""Checks what instances run with: parameters that they get only at their next start, programs that were replaced."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.guest import Guest, guest_of
from ganeti.model.node import Node
from ganeti.model.running import differences
from ganeti.model.running_program import RunningProgram
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.instance import RecallGuests, TellPrograms


def _recall(scene: Scene, node: Node) -> RecallGuests | None:
    return RecallGuests(hypervisors=scene.state.cluster.enabled_hypervisors) if node.vm_capable else None


STARTED: Question[tuple[Guest, ...]] = Question("what its instances were started with", _recall)


def _pending(scene: Scene) -> Iterator[Finding]:
    instances = {instance.uuid: instance for instance in scene.instances}
    for node, guests in scene.answered(STARTED):
        for guest in guests:
            instance = instances.get(guest.uuid)
            if instance is None or instance.primary_node != node.uuid or instance.name in scene.busy:
                continue
            if found := differences(guest_of(scene.state, instance), guest):
                text = f"takes effect at its next start: {'; '.join(map(str, found))}"
                yield Finding(Code.EINSTANCEMISSINGCFGPARAMETER, instance.name, text, warning=True)


def _programs(scene: Scene, node: Node) -> TellPrograms | None:
    return TellPrograms(hypervisors=scene.state.cluster.enabled_hypervisors) if node.vm_capable else None


_PROGRAMS: Question[tuple[RunningProgram, ...]] = Question("which programs run its instances", _programs)


def _outdated(scene: Scene) -> Iterator[Finding]:
    instances = {instance.uuid: instance for instance in scene.instances}
    for node, programs in scene.answered(_PROGRAMS):
        for program in programs:
            instance = instances.get(program.uuid)
            if instance is None or instance.primary_node != node.uuid or instance.name in scene.busy:
                continue
            if program.problem:
                yield Finding(Code.EINSTANCEOUTDATED, instance.name, f"its program is {program.told()}", warning=True)
            elif program.outdated:
                text = f"runs {program.told()}; 'gnt-instance renew {instance.name}' has it run that"
                yield Finding(Code.EINSTANCEOUTDATED, instance.name, text, warning=True)


CHECKS = (
    Check("Verifying what instances run with", Code.EINSTANCEMISSINGCFGPARAMETER, _pending, (STARTED,)),
    Check("Verifying that instances run what is installed", Code.EINSTANCEOUTDATED, _outdated, (_PROGRAMS,)),
)
