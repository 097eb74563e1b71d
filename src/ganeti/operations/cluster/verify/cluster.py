# SPDX-License-Identifier: BSD-2-Clause
"""Check everything, by a job for the configuration and one for each node group."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.command import Command, Option
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.group import Group
from ganeti.operations.cluster.verify.parameters import Clutter, SkipChecks, Verifying

_COMMON = ("debug_simulate_errors", "error_codes", "ignore_errors", "verbose")


class ClusterVerify(Verifying[list[Group]], frozen=True, kw_only=True, tag="OP_CLUSTER_VERIFY"):
    """Verify the configuration, the nodes and the instances, and report problems."""

    role: ClassVar[Role] = Role.READ
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "verify",
            options=(Option(("--no-nplus1-mem",), "Skip the N+1 memory check", kind="flag"),),
            compose=lambda values: {
                **{key: value for key, value in values.items() if key != "no_nplus1_mem"},
                "skip_checks": ["nplusone_mem"] if values.get("no_nplus1_mem") else [],
            },
        ),
    )

    skip_checks: SkipChecks = []
    group_name: Annotated[
        NonEmpty | None, param("Check only this node group", "-g", "--node-group", metavar="GROUP", completes="group")
    ] = None
    verify_clutter: Clutter = False

    async def check(self, cluster: CheckContext) -> list[Group]:
        return [cluster.state.find(Group, self.group_name)] if self.group_name else cluster.state.groups

    async def run(self, cluster: RunContext, plan: list[Group]) -> dict[str, Any]:
        # The checks cost start-up time, and this module is imported by a command.
        from ganeti.operations.cluster.verify.config import ClusterVerifyConfig  # noqa: PLC0415
        from ganeti.operations.cluster.verify.group import ClusterVerifyGroup  # noqa: PLC0415

        common: dict[str, Any] = {name: getattr(self, name) for name in _COMMON}
        jobs: list[list[JobOperation[Any]]] = [] if self.group_name else [[ClusterVerifyConfig(**common)]]
        jobs += [[ClusterVerifyGroup(group_name=group.name, skip_checks=self.skip_checks, **common)] for group in plan]
        return {"jobs": [[True, number] for number in await cluster.submit(jobs)]}
