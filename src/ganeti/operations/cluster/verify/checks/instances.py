# SPDX-License-Identifier: BSD-2-Clause
"""Checks that instances are in the state and on the node where they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.report import NodeReport, RunningGuest
from ganeti.model.restarts import MOST_RESTARTS, RESTART_WINDOW, exhausted
from ganeti.model.template import TEMPLATES
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.checks.nodes import REPORT
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene
from ganeti.operations.instance.policy import violations

_GIVEN_UP = (
    f"the watcher has started it {MOST_RESTARTS} times within {RESTART_WINDOW / 3600:.0f} hours, and has given up; "
    "'gnt-instance startup' starts it, and resets the watcher's count"
)


def running(scene: Scene) -> dict[str, dict[str, RunningGuest]]:
    """The guests that run, by their names and those of their nodes."""
    where: dict[str, dict[str, RunningGuest]] = {}
    for node, report in scene.answered(REPORT):
        for guest in report.guests:
            if guest.state.runs:
                where.setdefault(guest.name, {})[node.name] = guest
    return where


def _status(scene: Scene) -> Iterator[Finding]:
    nodes = {node.uuid: node for node in scene.nodes}
    where, reports = running(scene), {node.name: report for node, report in scene.answered(REPORT)}
    for instance in scene.instances:
        if instance.name not in scene.busy and not instance.forthcoming:
            home = nodes[instance.primary_node]
            yield from _elsewhere(instance, home, where.get(instance.name, {}))
            if home.name in scene.silent:
                continue  # counted in the notes
            yield from _at_home(instance, home, where.get(instance.name, {}), reports.get(home.name), scene.now)


def _elsewhere(instance: Instance, home: Node, guests: Mapping[str, RunningGuest]) -> Iterator[Finding]:
    for name in guests:
        if name != home.name:
            text = f"runs on node {name} instead of {home.name}"
            yield Finding(Code.EINSTANCEWRONGNODE, instance.name, text)


def _at_home(
    instance: Instance, home: Node, guests: Mapping[str, RunningGuest], report: NodeReport | None, now: float
) -> Iterator[Finding]:
    if home.offline:
        yield Finding(Code.EINSTANCEBADNODE, instance.name, f"its primary node is offline: {home.name}")
    elif report is None or instance.hypervisor in report.unknown:
        text = f"its primary node does not tell whether it runs: {home.name}"
        yield Finding(Code.EINSTANCEBADNODE, instance.name, text)
    elif instance.admin_state is AdminState.UP and home.name not in guests:
        told = f"should be running on {home.name}, but is not"
        text = f"{told}; {_GIVEN_UP}" if exhausted(instance.restarts, now) else told
        yield Finding(Code.EINSTANCEDOWN, instance.name, text)
    elif instance.admin_state is not AdminState.UP and home.name in guests:
        yield Finding(Code.EINSTANCEDOWN, instance.name, f"is running on {home.name}, but should be down")
    if home.name in guests:
        yield from _stuck(instance, guests[home.name])


def _stuck(instance: Instance, guest: RunningGuest) -> Iterator[Finding]:
    """A guest that exists and cannot continue by itself; intended pauses are no problem."""
    told = guest.state.because(guest.reason)
    if guest.state is GuestState.IO_ERROR:
        text = f"is paused, {told}; once that is mended, 'gnt-instance startup {instance.name}' lets it go on"
        yield Finding(Code.EINSTANCEFAULTYDISK, instance.name, text)
    elif guest.state in (GuestState.HALTED, GuestState.UNRESPONSIVE):
        text = f"is {told}; 'gnt-instance reboot {instance.name}' restarts it"
        yield Finding(Code.EINSTANCEDOWN, instance.name, text)


def _layout(scene: Scene) -> Iterator[Finding]:
    groups = {node.uuid: node.group for node in scene.state.nodes}
    for instance in scene.instances:
        wanted = 1 if TEMPLATES[instance.disk_template].mirrored else 0
        if len(instance.secondary_nodes) != wanted:
            text = f"has {len(instance.secondary_nodes)} secondary nodes; disk template {instance.disk_template} "
            yield Finding(Code.EINSTANCELAYOUT, instance.name, f"{text}needs {wanted}")
        if len({groups[uuid] for uuid in instance.nodes if uuid in groups}) > 1:
            text = "its primary and secondary nodes are in different node groups"
            yield Finding(Code.EINSTANCESPLITGROUPS, instance.name, text, warning=True)


def _policy(scene: Scene) -> Iterator[Finding]:
    assert scene.group  # noqa: S101 - a check of groups
    for instance in scene.instances:
        for text in violations(scene.state, instance, scene.group):
            yield Finding(Code.EINSTANCEPOLICY, instance.name, text)


CHECKS = (
    Check("Verifying instance status", Code.EINSTANCEDOWN, _status, (REPORT,)),
    Check("Verifying instance layout", Code.EINSTANCELAYOUT, _layout),
    Check("Verifying instance policy", Code.EINSTANCEPOLICY, _policy),
)
