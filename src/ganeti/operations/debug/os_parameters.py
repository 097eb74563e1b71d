# SPDX-License-Identifier: BSD-2-Clause
"""Take secret OS parameters, to test that nothing shows them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Parameters
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation


class DebugOsParameters(JobOperation[list[str]], frozen=True, kw_only=True, tag="OP_TEST_OS_PARAMS"):
    """Take secret OS parameters, to test that neither logs nor lists of jobs show their values."""

    role: ClassVar[Role] = Role.ADMIN
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-debug", "test-osparams", usage="--os-parameters-secret=KEY=VALUE,..."),
    )

    osparams_secret: Annotated[
        Parameters | None,
        param("Secret OS parameters", "--os-parameters-secret", metavar="KEY=VALUE,...", secret=True),
    ] = None

    async def check(self, cluster: CheckContext) -> list[str]:
        del cluster
        return sorted(self.osparams_secret or {})

    async def run(self, cluster: RunContext, plan: list[str]) -> None:
        cluster.log(f"Secret OS parameters: {', '.join(plan) or 'none'}; their values are not shown")
