# SPDX-License-Identifier: BSD-2-Clause
"""The configuration in itself: what it refers to is there, and its parameters are allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ganeti.errors import GanetiError
from ganeti.model.guest import guest_of
from ganeti.model.kind import Kind
from ganeti.model.parameters import filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene


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


def _cluster_parameters(scene: Scene) -> Iterator[Finding]:
    for cls, values, what in (*_of_cluster(scene), *_of_groups_and_nodes(scene)):
        try:
            filled(cls, values, what=what)
        except GanetiError as error:
            yield Finding(Code.ECLUSTERCFG, "", f"{what}: {error.message}")


_Stored = Iterator[tuple[type[Struct], Mapping[str, Any], str]]


def _of_cluster(scene: Scene) -> _Stored:
    cluster = scene.state.cluster
    for name, values in cluster.hvparams.items():
        if name in HYPERVISOR_PARAMETERS:
            yield HYPERVISOR_PARAMETERS[name], values, f"cluster, parameters of hypervisor {name}"
    for name, values in cluster.diskparams.items():
        if name in DISK_PARAMETERS:
            yield DISK_PARAMETERS[name], values, f"cluster, parameters of disk template {name}"
    yield BackendParameters, cluster.beparams, "cluster, backend parameters"
    yield NicParameters, cluster.nicparams, "cluster, NIC parameters"
    yield NodeParameters, cluster.ndparams, "cluster, node parameters"


def _of_groups_and_nodes(scene: Scene) -> _Stored:
    for group in scene.state.groups:
        yield NodeParameters, group.ndparams, f"node group {group.name}, node parameters"
    for node in scene.state.nodes:
        yield NodeParameters, node.ndparams, f"node {node.name}, node parameters"


def _policies(scene: Scene) -> Iterator[Finding]:
    for group in scene.state.groups:
        try:
            scene.state.policy_of(group)
        except GanetiError as error:
            yield Finding(Code.ECLUSTERCFG, "", f"node group {group.name}, instance policy: {error.message}")


def _instance_parameters(scene: Scene) -> Iterator[Finding]:
    for instance in scene.state.instances:
        try:
            guest_of(scene.state, instance)
        except GanetiError as error:
            yield Finding(Code.EINSTANCEMISSINGCFGPARAMETER, instance.name, error.message)


CHECKS = (
    Check("Verifying cluster config", Code.ECLUSTERCFG, _references),
    Check("Verifying cluster parameters", Code.ECLUSTERCFG, _cluster_parameters),
    Check("Verifying instance policies", Code.ECLUSTERCFG, _policies),
    Check("Verifying instance parameters", Code.EINSTANCEMISSINGCFGPARAMETER, _instance_parameters),
)
