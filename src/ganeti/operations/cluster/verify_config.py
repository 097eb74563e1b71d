# SPDX-License-Identifier: BSD-2-Clause
"""Check the configuration in itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ganeti.declare.operation import Role
from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.guest import guest_of
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.cluster.findings import ErrorCodes, IgnoreErrors, SimulateErrors, Trouble, Verbose, report


class ClusterVerifyConfig(JobOperation[None], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY_CONFIG"):
    """Check the configuration in itself: references, parameters, replicas."""

    role: ClassVar[Role] = Role.READ

    debug_simulate_errors: SimulateErrors = False
    error_codes: ErrorCodes = False
    ignore_errors: IgnoreErrors = []
    verbose: Verbose = False

    async def check(self, cluster: CheckContext) -> None:
        del cluster

    async def run(self, cluster: RunContext, plan: None) -> bool:
        del plan
        state = cluster.state
        good = True
        stages = (
            ("Verifying cluster config", _references(state)),
            ("Verifying replicas of the configuration", _replicas(cluster)),
            ("Verifying hypervisor parameters", _parameters(state)),
        )
        for title, troubles in stages:
            cluster.step(title)
            found = list(troubles) or self._simulated()
            good = report(cluster, found, codes=self.error_codes, ignored=self.ignore_errors) and good
        return good

    def _simulated(self) -> list[Trouble]:
        return [Trouble("ECLUSTERCFG", "", "simulated error")] if self.debug_simulate_errors else []


def _references(state: State) -> Iterator[Trouble]:
    """Every object must refer to objects that exist."""
    groups, nodes = state.entities[Kind.GROUP], state.entities[Kind.NODE]
    if state.cluster.master_node not in nodes:
        yield Trouble("ECLUSTERCFG", "", f"the master node {state.cluster.master_node} is not in the configuration")
    for node in state.nodes:
        if node.group not in groups:
            yield Trouble("ECLUSTERDANGLINGNODES", "", f"node {node.name} is in a group that does not exist")
    for instance in state.instances:
        for uuid in instance.nodes:
            if uuid not in nodes:
                yield Trouble(
                    "ECLUSTERDANGLINGINST", "", f"instance {instance.name} is on node {uuid}, which does not exist"
                )


def _replicas(cluster: RunContext) -> Iterator[Trouble]:
    for node, problem in cluster.stale_replicas.items():
        yield Trouble("ECLUSTERFILECHECK", "", f"the replica of the configuration on {node} is stale: {problem}")


def _parameters(state: State) -> Iterator[Trouble]:
    for instance in state.instances:
        try:
            guest_of(state, instance)
        except GanetiError as error:
            yield Trouble("EINSTANCEMISSINGCFGPARAMETER", instance.name, error.message)
