# SPDX-License-Identifier: BSD-2-Clause
"""Check everything, by a job for the configuration and one for each node group."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.operation import Role
from ganeti.declare.parameter import param
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.group import Group
from ganeti.operations.cluster.findings import (
    Clutter,
    ErrorCodes,
    IgnoreErrors,
    SimulateErrors,
    SkipChecks,
    Verbose,
)
from ganeti.operations.cluster.verify_config import ClusterVerifyConfig
from ganeti.operations.cluster.verify_group import ClusterVerifyGroup


class ClusterVerify(JobOperation[list[Group]], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY"):
    """Verify the configuration, the nodes and the instances, and report problems."""

    role: ClassVar[Role] = Role.READ
    command: ClassVar[Command | None] = Command(
        "gnt-cluster",
        "verify",
        options=(Option(("--no-nplus1-mem",), "Skip the N+1 memory check", kind="flag"),),
        compose=lambda values: {
            **{key: value for key, value in values.items() if key != "no_nplus1_mem"},
            "skip_checks": ["nplusone_mem"] if values.get("no_nplus1_mem") else [],
        },
    )

    debug_simulate_errors: SimulateErrors = False
    error_codes: ErrorCodes = False
    skip_checks: SkipChecks = []
    ignore_errors: IgnoreErrors = []
    verbose: Verbose = False
    group_name: Annotated[
        NonEmpty | None, param("Check only this node group", "-g", "--node-group", metavar="GROUP", completes="group")
    ] = None
    verify_clutter: Clutter = False

    async def check(self, cluster: CheckContext) -> list[Group]:
        return [cluster.state.find(Group, self.group_name)] if self.group_name else cluster.state.groups

    async def run(self, cluster: RunContext, plan: list[Group]) -> dict[str, Any]:
        jobs: list[list[JobOperation[Any]]] = [] if self.group_name else [[self._config()]]
        jobs += [[self._group(group)] for group in plan]
        return {"jobs": [[True, number] for number in await cluster.submit(jobs)]}

    def _config(self) -> ClusterVerifyConfig:
        return ClusterVerifyConfig(
            debug_simulate_errors=self.debug_simulate_errors,
            error_codes=self.error_codes,
            ignore_errors=self.ignore_errors,
            verbose=self.verbose,
        )

    def _group(self, group: Group) -> ClusterVerifyGroup:
        return ClusterVerifyGroup(
            group_name=group.name,
            debug_simulate_errors=self.debug_simulate_errors,
            error_codes=self.error_codes,
            skip_checks=self.skip_checks,
            ignore_errors=self.ignore_errors,
            verbose=self.verbose,
        )
