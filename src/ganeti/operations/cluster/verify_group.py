# SPDX-License-Identifier: BSD-2-Clause
"""Check the nodes and instances of a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.config.ssconf import digest, ssconf_values
from ganeti.declare.operation import Role
from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.disk import DiskTemplate
from ganeti.model.group import Group
from ganeti.model.guest import backend_parameters, guest_of
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.report import NodeReport, RunningGuest
from ganeti.model.state import State
from ganeti.operations.cluster.findings import (
    Clutter,
    ErrorCodes,
    IgnoreErrors,
    SimulateErrors,
    SkipChecks,
    Trouble,
    Verbose,
    report,
)
from ganeti.operations.instance.policy import violations
from ganeti.rpc.contract.node import DescribeNode, Finding, VerifyNode
from ganeti.rpc.contract.storage import DiskStatus, ExamineDisks

# What was changed a moment ago may still be on its way to the nodes (seconds).
_FACTS = 5.0
_AT_REST = (GuestState.PAUSED, GuestState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the nodes said, by node name."""

    state: State
    nodes: Sequence[Node]
    instances: Sequence[Instance]
    busy: frozenset[str]  # names of instances that a job is working on
    reports: Mapping[str, NodeReport | GanetiError]
    findings: Mapping[str, tuple[Finding, ...] | GanetiError]
    disks: Mapping[str, tuple[DiskStatus, ...] | GanetiError]


class ClusterVerifyGroup(JobOperation[Group], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_GROUP"):
    """Check the nodes and instances of a group.

    No locks are taken: an instance that a job is working on is passed over instead of being waited for.
    """

    role: ClassVar[Role] = Role.READ
    subject: ClassVar[str | None] = "group_name"

    group_name: Annotated[NonEmpty, param("Name of the group", completes="group")]
    debug_simulate_errors: SimulateErrors = False
    error_codes: ErrorCodes = False
    skip_checks: SkipChecks = []
    ignore_errors: IgnoreErrors = []
    verbose: Verbose = False
    verify_clutter: Clutter = False

    async def check(self, cluster: CheckContext) -> Group:
        return cluster.state.find(Group, self.group_name)

    async def run(self, cluster: RunContext, plan: Group) -> bool:
        cluster.step(f"Verifying group '{plan.name}'")
        gathered = await _gather(cluster, plan)
        stages = [
            ("Verifying node status", _nodes(gathered)),
            ("Verifying instance status", _instances(gathered)),
            ("Verifying instance disks", _disks(gathered)),
            ("Verifying instance policy", _policy(gathered, plan)),
        ]
        if "nplusone_mem" not in self.skip_checks:
            stages.append(("Verifying N+1 Memory redundancy", _redundancy(gathered)))
        good = True
        for title, troubles in stages:
            cluster.step(title)
            found = list(troubles) or self._simulated()
            good = report(cluster, found, codes=self.error_codes, ignored=self.ignore_errors) and good
        _notes(cluster, gathered)
        return good

    def _simulated(self) -> list[Trouble]:
        return [Trouble("ENODERPC", "", "simulated error")] if self.debug_simulate_errors else []


async def _gather(cluster: RunContext, group: Group) -> Gathered:
    await cluster.facts_settled(_FACTS)
    state = cluster.state
    nodes = [node for node in state.nodes if node.group == group.uuid]
    online = [node for node in nodes if not node.offline]
    instances = [i for i in state.instances if state.get(Node, i.primary_node).group == group.uuid]
    cluster.step(f"Gathering information about nodes ({len(online)} nodes)")
    describe = DescribeNode(hypervisors=state.cluster.enabled_hypervisors)
    reports = await cluster.call_all(online, describe)
    findings = await cluster.call_each((node, _node_check(state, node)) for node in online)
    cluster.step(f"Gathering disk information ({len(online)} nodes)")
    disks = await cluster.call_each(_disk_checks(instances, online))
    return Gathered(state, nodes, instances, cluster.being_changed(Kind.INSTANCE), reports, findings, disks)


def _node_check(state: State, node: Node) -> VerifyNode:
    cluster = state.cluster
    parameters = {
        name: as_mapping(filled(HYPERVISOR_PARAMETERS[name], cluster.hvparams.get(name, {})))
        for name in cluster.enabled_hypervisors
    }
    directories = {
        DiskTemplate.FILE: cluster.file_storage_dir,
        DiskTemplate.SHARED_FILE: cluster.shared_file_storage_dir,
    }
    bridges = {n.link for i in state.instances_on(node.uuid) for n in guest_of(state, i).nics if n.mode == "bridged"}
    others = [other for other in state.nodes if other.uuid != node.uuid and not other.offline]
    return VerifyNode(
        hypervisors=parameters,
        file_directories=tuple(d for t, d in directories.items() if t in cluster.enabled_disk_templates),
        bridges=tuple(sorted(bridges)),
        peers={other.name: tuple({other.primary_ip, other.migration_ip}) for other in others},
        ssconf_digest=digest(ssconf_values(state)),
    )


def _disk_checks(instances: Sequence[Instance], nodes: Sequence[Node]) -> list[tuple[Node, ExamineDisks]]:
    found = []
    for node in nodes:
        disks = tuple(disk for i in instances if i.primary_node == node.uuid for disk in i.disks)
        if disks:
            found.append((node, ExamineDisks(disks=disks)))
    return found


def _nodes(gathered: Gathered) -> Iterator[Trouble]:
    for node in gathered.nodes:
        if node.offline:
            continue
        findings = gathered.findings[node.name]
        if isinstance(findings, GanetiError):
            yield Trouble("ENODERPC", node.name, f"does not answer: {findings.message}")
            continue
        for finding in findings:
            yield Trouble(finding.code, node.name, finding.text)  # type: ignore[arg-type]  # nodes use these codes
        yield from _orphans(gathered, node)


def _orphans(gathered: Gathered, node: Node) -> Iterator[Trouble]:
    found = gathered.reports[node.name]
    if isinstance(found, GanetiError):
        return
    for guest in found.guests:
        if (Instance.kind, guest.name) not in gathered.state.names:
            yield Trouble("ENODEORPHANINSTANCE", node.name, f"runs {guest.name}, which is not in the configuration")


def _instances(gathered: Gathered) -> Iterator[Trouble]:
    nodes = {node.uuid: node for node in gathered.nodes}
    where = _where(gathered)
    for instance in gathered.instances:
        if instance.name in gathered.busy:
            continue
        home = nodes[instance.primary_node]
        running = where.get(instance.name, {})
        for name in running:
            if name != home.name:
                yield Trouble("EINSTANCEWRONGNODE", instance.name, f"runs on node {name} instead of {home.name}")
        if home.offline:
            yield Trouble("EINSTANCEBADNODE", instance.name, f"its primary node is offline: {home.name}")
        elif isinstance(gathered.reports[home.name], GanetiError):
            yield Trouble("EINSTANCEBADNODE", instance.name, f"its primary node does not answer: {home.name}")
        elif instance.admin_state is AdminState.UP and home.name not in running:
            yield Trouble("EINSTANCEDOWN", instance.name, f"should be running on {home.name}, but is not")
        elif instance.admin_state is not AdminState.UP and home.name in running:
            yield Trouble("EINSTANCEDOWN", instance.name, f"is running on {home.name}, but should be down")
        if home.name in running:
            yield from _stuck(instance, running[home.name])


def _stuck(instance: Instance, guest: RunningGuest) -> Iterator[Trouble]:
    """A guest that is there and cannot go on by itself; pauses that somebody wanted are no trouble."""
    told = guest.state.because(guest.reason)
    if guest.state is GuestState.IO_ERROR:
        yield Trouble(
            "EINSTANCEFAULTYDISK",
            instance.name,
            f"is paused, {told}; once that is mended, 'gnt-instance startup {instance.name}' lets it go on",
        )
    elif guest.state in (GuestState.HALTED, GuestState.UNRESPONSIVE):
        yield Trouble(
            "EINSTANCEDOWN", instance.name, f"is {told}; 'gnt-instance reboot {instance.name}' starts it anew"
        )


def _where(gathered: Gathered) -> dict[str, dict[str, RunningGuest]]:
    """The guests that run, by their names and those of their nodes."""
    where: dict[str, dict[str, RunningGuest]] = {}
    for node, found in gathered.reports.items():
        for guest in () if isinstance(found, GanetiError) else found.guests:
            if guest.state.runs:
                where.setdefault(guest.name, {})[node] = guest
    return where


def _disks(gathered: Gathered) -> Iterator[Trouble]:
    owners = {disk.uuid: (i, n) for i in gathered.instances for n, disk in enumerate(i.disks)}
    for node, statuses in gathered.disks.items():
        for status in () if isinstance(statuses, GanetiError) else statuses:
            instance, index = owners[status.uuid]
            if status.problem and instance.name not in gathered.busy:
                yield Trouble("EINSTANCEMISSINGDISK", instance.name, f"disk/{index} on {node}: {status.problem}")


def _policy(gathered: Gathered, group: Group) -> Iterator[Trouble]:
    for instance in gathered.instances:
        for text in violations(gathered.state, instance, group):
            yield Trouble("EINSTANCEPOLICY", instance.name, text)


def _redundancy(gathered: Gathered) -> Iterator[Trouble]:
    """Whether the instances of each node would fit on the others, for disks that others can open."""
    free = {name: found.memory.free for name, found in gathered.reports.items() if not isinstance(found, GanetiError)}
    for node in gathered.nodes:
        mine = [i for i in gathered.instances if i.primary_node == node.uuid and i.disk_template.movable]
        needs = sorted((_memory(gathered.state, i) for i in mine if i.admin_state is AdminState.UP), reverse=True)
        room = {name: memory for name, memory in free.items() if name != node.name}
        for need in needs:
            best = max(room, key=lambda name: room[name], default=None)
            if best is None or room[best] < need:
                yield Trouble("ENODEN1", node.name, "not enough memory on other nodes for its instances if it fails")
                break
            room[best] -= need


def _memory(state: State, instance: Instance) -> int:
    backend = backend_parameters(state, instance)
    return backend.minmem if backend.auto_balance else 0


def _notes(cluster: RunContext, gathered: Gathered) -> None:
    cluster.step("Other Notes")
    fixed = [i for i in gathered.instances if not i.disk_template.movable]
    if fixed:
        cluster.log(f"  - NOTICE: {len(fixed)} non-redundant instance(s) found.")
    paused = [g for found in _where(gathered).values() for g in found.values() if g.state in _AT_REST]
    if paused:
        names = ", ".join(guest.name for guest in paused)
        cluster.log(f"  - NOTICE: {len(paused)} paused instance(s) found: {names}.")
    offline = [node for node in gathered.nodes if node.offline]
    if offline:
        cluster.log(f"  - NOTICE: {len(offline)} offline node(s) found.")
    drained = [node for node in gathered.nodes if node.drained]
    if drained:
        cluster.log(f"  - NOTICE: {len(drained)} drained node(s) found.")
