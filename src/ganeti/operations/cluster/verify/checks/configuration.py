# SPDX-License-Identifier: BSD-2-Clause
"""Checks the configuration itself: its references exist, and its parameters are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from ganeti.errors import GanetiError, WrongInput
from ganeti.model.group import Group
from ganeti.model.guest import ensure_backend_sense, ensure_hypervisor_sense, guest_of
from ganeti.model.kind import Kind
from ganeti.model.parameters import checked
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.state import State
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene


def _readable(scene: Scene) -> Iterator[Finding]:
    for what, why in scene.unreadable.items():
        yield Finding(Code.ECLUSTERCFG, "", f"the stored {what} cannot be read; {why}")


def _references(scene: Scene) -> Iterator[Finding]:
    """Every object must refer to objects that exist."""
    state = scene.state
    groups, nodes = state.entities[Kind.GROUP], state.entities[Kind.NODE]
    if state.cluster.master_node not in nodes:
        yield Finding(Code.ECLUSTERCFG, "", f"the master node {state.cluster.master_node} is not in the configuration")
    for node in state.nodes:
        if node.group not in groups:
            yield Finding(Code.ECLUSTERDANGLINGNODES, node.name, "is in a node group that does not exist")
    for instance in state.instances:
        for uuid in instance.nodes:
            if uuid not in nodes:
                yield Finding(Code.ECLUSTERDANGLINGINST, uuid, f"does not exist, and instance {instance.name} is on it")


def _settings(scene: Scene) -> Iterator[Finding]:
    yield from (Finding(Code.ECLUSTERCFG, "", problem) for problem in scene.state.cluster.problems())
    if scene.allocator:
        yield Finding(Code.ECLUSTERCFG, "", scene.allocator)
    for what, cls, *layers in (*_of_cluster(scene.state), *_of_groups_and_nodes(scene.state)):
        for problem in _of_last_layer(cls, layers, what) if cls else ["there is no such kind of parameters"]:
            yield Finding(Code.ECLUSTERCFG, "", f"{what}: {problem.removeprefix(f'{what}: ')}")


def _of_last_layer(cls: type[Struct], layers: Sequence[Mapping[str, Any]], what: str) -> list[str]:
    """The problems caused by the last layer; those of lower layers are reported for these."""
    *below, _ = layers
    known = _lines(partial(checked, cls, *below, what=what))
    return [problem for problem in _lines(partial(checked, cls, *layers, what=what)) if problem not in known]


# Whose parameters they are, their table, and their layers.
_Stored = Iterator[tuple[Any, ...]]


def _of_cluster(state: State) -> _Stored:
    cluster = state.cluster
    yield "cluster, backend parameters", BackendParameters, cluster.beparams
    yield "cluster, NIC parameters", NicParameters, cluster.nicparams
    yield "cluster, node parameters", NodeParameters, cluster.ndparams
    for hypervisor, values in cluster.hvparams.items():
        yield f"cluster, parameters of hypervisor {hypervisor}", HYPERVISOR_PARAMETERS.get(hypervisor), values
    for os, by_hypervisor in cluster.os_hvp.items():
        for hypervisor, values in by_hypervisor.items():
            below = cluster.hvparams.get(hypervisor, {})
            yield (
                f"OS {os}, parameters of hypervisor {hypervisor}",
                HYPERVISOR_PARAMETERS.get(hypervisor),
                below,
                values,
            )
    for template, values in cluster.diskparams.items():
        yield f"cluster, parameters of disk template {template}", DISK_PARAMETERS.get(template), values


def _of_groups_and_nodes(state: State) -> _Stored:
    cluster = state.cluster
    for group in state.groups:
        whose = f"node group {group.name}"
        yield f"{whose}, node parameters", NodeParameters, cluster.ndparams, group.ndparams
        for template, values in group.diskparams.items():
            below = cluster.diskparams.get(template, {})
            yield f"{whose}, parameters of disk template {template}", DISK_PARAMETERS.get(template), below, values
    for node in state.nodes:
        yield f"node {node.name}, node parameters", NodeParameters, node.ndparams


def _policies(scene: Scene) -> Iterator[Finding]:
    for group in scene.state.groups:
        for problem in _lines(partial(_ensure_policy_sense, scene.state, group)):
            yield Finding(Code.ECLUSTERCFG, "", f"node group {group.name}, instance policy: {problem}")


def _ensure_policy_sense(state: State, group: Group) -> None:
    if problems := state.policy_of(group).problems():
        raise WrongInput("\n".join(problems))


def _instance_parameters(scene: Scene) -> Iterator[Finding]:
    sound: set[bytes] = set()  # parameters that go together; most instances have the same
    for instance in scene.state.instances:
        parameters = msgspec.json.encode((instance.hypervisor, instance.os, instance.hvparams, instance.beparams))
        senses = () if parameters in sound else (ensure_backend_sense, ensure_hypervisor_sense)
        asked = (guest_of, *senses)
        problems = [problem for ask in asked for problem in _lines(partial(ask, scene.state, instance))]
        if not problems:
            sound.add(parameters)
        for problem in dict.fromkeys(problems):
            yield Finding(Code.EINSTANCEMISSINGCFGPARAMETER, instance.name, problem)


def _lines(make: Callable[[], object]) -> list[str]:
    """All problems that it raises, one per line."""
    try:
        make()
    except GanetiError as error:
        return error.message.splitlines()
    return []


CHECKS = (
    Check("Verifying what is stored", Code.ECLUSTERCFG, _readable),
    Check("Verifying cluster config", Code.ECLUSTERCFG, _references),
    Check("Verifying cluster parameters", Code.ECLUSTERCFG, _settings),
    Check("Verifying instance policies", Code.ECLUSTERCFG, _policies),
    Check("Verifying instance parameters", Code.EINSTANCEMISSINGCFGPARAMETER, _instance_parameters),
)
