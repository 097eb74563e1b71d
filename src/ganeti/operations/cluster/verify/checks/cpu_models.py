# SPDX-License-Identifier: BSD-2-Clause
"""Checks that all nodes of a group have the CPU models of its instances (decision 53)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from ganeti.model.cpu import CpuModels, with_group_model
from ganeti.model.group import Group
from ganeti.model.guest import hypervisor_parameters
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks.running import STARTED
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.operations.group.cpu_model import KVM, question
from ganeti.rpc.contract.node import TellCpuModels

_PARAMETER = "cpu_type"


def _tell(scene: Scene, node: Node) -> TellCpuModels | None:
    return question(scene.state) if node.hosting and _matters(scene.state, node) else None


def _matters(state: State, node: Node) -> bool:
    """Whether guests in the node's group may have a CPU model."""
    cluster = state.cluster
    tables = (cluster.hvparams, *cluster.os_hvp.values())
    return bool(
        state.get(Group, node.group).cpu_model
        or any(table.get(KVM, {}).get(_PARAMETER) for table in tables)
        or any(instance.hvparams.get(_PARAMETER) for instance in state.instances)
    )


_CPU_MODELS: Question[CpuModels] = Question("which CPU models it has", _tell)


def _lacking(scene: Scene) -> Iterator[Finding]:
    answers = list(scene.answered(_CPU_MODELS))
    wanted = _wanted(scene) if answers else {}
    for node, found in answers:
        for cpu_type, names in sorted(wanted.get(node.group, {}).items()):
            if why := found.problem(cpu_type):
                others = f" and {len(names) - 1} other instances" if len(names) > 1 else ""
                text = f"cannot run {min(names)}{others} of its node group: {why}"
                yield Finding(Code.ENODEHV, node.name, text, warning=True)


def _wanted(scene: Scene) -> Mapping[str, Mapping[str, set[str]]]:
    """By group, the CPU types that its instances are configured with or run with, with the instances' names."""
    found: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    state = scene.state
    for instance in scene.instances:
        if instance.hypervisor != KVM:
            continue
        group = state.get(Group, state.get(Node, instance.primary_node).group)
        hvparams = hypervisor_parameters(state, KVM, instance.os, instance.hvparams)
        if cpu_type := with_group_model(hvparams, group.cpu_model)[_PARAMETER]:
            found[group.uuid][cpu_type].add(instance.name)
    for node, guests in scene.answered(STARTED):
        for guest in guests:
            if guest.cpu_checked and (cpu_type := guest.hvparams.get(_PARAMETER)):
                found[node.group][cpu_type].add(guest.name)
    return found


CHECKS = (Check("Verifying CPU models", Code.ENODEHV, _lacking, (_CPU_MODELS, STARTED)),)
