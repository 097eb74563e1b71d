# SPDX-License-Identifier: BSD-2-Clause
"""The columns for a kind of objects, as the result of a job."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import Fields, Name
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation


class QueryFields(JobOperation[dict[str, Any]], frozen=True, kw_only=True, tag="OP_QUERY_FIELDS"):
    """Describe the columns that things of a kind have."""

    role: ClassVar[Role] = Role.READ
    subject: ClassVar[str | None] = "what"
    reads_only: ClassVar[bool] = True

    what: Annotated[Name, param("Kind of thing, such as instance or node")]
    fields: Annotated[Fields | None, param("Columns to describe; all if none is named")] = None

    async def check(self, cluster: CheckContext) -> dict[str, Any]:
        return {"fields": cluster.lists.fields(self.what, self.fields)}

    async def run(self, cluster: RunContext, plan: dict[str, Any]) -> dict[str, Any]:
        del cluster
        return plan
