# SPDX-License-Identifier: BSD-2-Clause
"""Single values of the cluster's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.text import shortened
from ganeti.declare.types import Fields
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, Lists, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import Kind


class ClusterConfigQuery(JobOperation[list[Any]], frozen=True, kw_only=True, tag="OP_CLUSTER_CONFIG_QUERY"):
    """Show values of the cluster: its name, its master node, whether the queue is drained and the like."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True

    output_fields: Annotated[Fields, param("Names of the values")]

    async def check(self, cluster: CheckContext) -> list[Any]:
        return await config_values(cluster.lists, self.output_fields)

    async def run(self, cluster: RunContext, plan: list[Any]) -> list[Any]:
        del cluster
        return plan


async def config_values(lists: Lists, names: Sequence[str]) -> list[Any]:
    """The values of columns of the cluster. Raises WrongInput for an unknown one."""
    known = [field.name for field in lists.fields(Kind.CLUSTER, None)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongInput(f"There is no configuration value '{shortened(unknown[0])}'; known are {', '.join(known)}")
    (row,) = (await lists.query(Kind.CLUSTER, names)).rows
    return row
