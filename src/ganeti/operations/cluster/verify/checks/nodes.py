# SPDX-License-Identifier: BSD-2-Clause
"""Checks that nodes answer, have the right version and time, and can run guests."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti import VERSION
from ganeti.errors import NodeCallFailed
from ganeti.model.cpu import with_group_model
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.report import NodeReport
from ganeti.model.timing import MAX_SKEW
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.node import DescribeNode, Ping, Pong
from ganeti.rpc.contract.verify import Problems, TryHypervisors


def _describe(scene: Scene, node: Node) -> DescribeNode | None:
    cluster = scene.state.cluster
    asked = DescribeNode(hypervisors=cluster.enabled_hypervisors, storage=scene.state.storage_of(node))
    return asked if node.hosting else None


def _try_hypervisors(scene: Scene, node: Node) -> TryHypervisors | None:
    cluster = scene.state.cluster
    parameters = {
        name: with_group_model(
            as_mapping(filled(HYPERVISOR_PARAMETERS[name], cluster.hvparams.get(name, {}))),
            scene.state.get(Group, node.group).cpu_model,
        )
        for name in cluster.enabled_hypervisors
    }
    return TryHypervisors(parameters=parameters) if node.hosting else None


REPORT: Question[NodeReport] = Question("what it has and runs", _describe)
_PING: Question[Pong] = Question("its version and time", lambda _scene, _node: Ping())
_HYPERVISORS: Question[Problems] = Question("whether its hypervisors work", _try_hypervisors)


def _answers(scene: Scene) -> Iterator[Finding]:
    for node in scene.online:
        silent = {
            question.about: error.message
            for question, error in scene.unanswered(node).items()
            if not isinstance(error, NodeCallFailed)
        }
        if node.name in scene.silent:
            error = next(iter(scene.unanswered(node).values()))
            yield Finding(Code.ENODERPC, node.name, f"does not answer: {error.message}")
            continue
        refused = {error.message for error in scene.unanswered(node).values() if isinstance(error, NodeCallFailed)}
        for text in sorted(refused):
            yield Finding(Code.ENODERPC, node.name, f"does not answer: {text}")
        for about, text in silent.items():
            yield Finding(Code.ENODERPC, node.name, f"could not tell {about}: {text}")


def _versions(scene: Scene) -> Iterator[Finding]:
    for node, pong in scene.answered(_PING):
        if pong.version != VERSION:
            yield Finding(Code.ENODEVERSION, node.name, f"runs version {pong.version}, the master {VERSION}")


def _clocks(scene: Scene) -> Iterator[Finding]:
    for node, pong in scene.answered(_PING):
        asked, answered = scene.moments(node)
        if ahead := max(pong.time - answered - MAX_SKEW, 0.0):
            yield Finding(Code.ENODETIME, node.name, f"its clock is {ahead + MAX_SKEW:.0f} s ahead of the master's")
        if behind := max(asked - pong.time - MAX_SKEW, 0.0):
            yield Finding(Code.ENODETIME, node.name, f"its clock is {behind + MAX_SKEW:.0f} s behind the master's")


def _hypervisors(scene: Scene) -> Iterator[Finding]:
    for node, problems in scene.answered(_HYPERVISORS):
        yield from (Finding(Code.ENODEHV, node.name, problem) for problem in problems)
    for node, report in scene.answered(REPORT):
        for hypervisor, why in report.unknown.items():
            yield Finding(
                Code.ENODEHV, node.name, f"cannot tell which guests of hypervisor {hypervisor} it runs: {why}"
            )


def _orphans(scene: Scene) -> Iterator[Finding]:
    for node, report in scene.answered(REPORT):
        for guest in report.guests:
            if (Instance.kind, guest.name) not in scene.state.names:
                text = f"runs {guest.name}, which is not in the configuration"
                yield Finding(Code.ENODEORPHANINSTANCE, node.name, text)


ANSWERS = Check("Verifying that nodes answer", Code.ENODERPC, _answers)
CHECKS = (
    Check("Verifying node versions", Code.ENODEVERSION, _versions, (_PING,)),
    Check("Verifying node clocks", Code.ENODETIME, _clocks, (_PING,)),
    Check("Verifying hypervisors", Code.ENODEHV, _hypervisors, (_HYPERVISORS, REPORT)),
    Check("Verifying orphan instances", Code.ENODEORPHANINSTANCE, _orphans, (REPORT,)),
)
