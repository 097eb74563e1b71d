# SPDX-License-Identifier: BSD-2-Clause
"""A list of objects as the result of a job."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import MOST_NAMES, Fields, Name
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.query.column import Table

# "|" and as many names as a filter may have; the filter limits what is in them.
Condition = Annotated[list[Any], Meta(max_length=MOST_NAMES + 1)]
MOST_CELLS = 200_000  # values of a result, which is kept with its job


class QueryRows(JobOperation[Table], frozen=True, kw_only=True, tag="OP_QUERY"):
    """List things of a kind, as the lists of the command line do."""

    role: ClassVar[Role] = Role.READ
    subject: ClassVar[str | None] = "what"
    reads_only: ClassVar[bool] = True

    what: Annotated[Name, param("Kind of thing, such as instance or node")]
    fields: Annotated[Fields, param("Columns to return")]
    qfilter: Annotated[Condition | None, param("Which rows to return, as a filter in its form of nested lists")] = None
    use_locking: Annotated[bool, param("Lock the objects meanwhile", accepted="reads are consistent without locks")] = (
        False
    )

    async def check(self, cluster: CheckContext) -> Table:
        table = await cluster.lists.query(self.what, self.fields, self.qfilter)
        if (cells := len(table.data) * len(table.fields)) > MOST_CELLS:
            raise WrongInput(
                f"The list has {cells} values, and a job keeps {MOST_CELLS} at most; "
                "ask for fewer fields, or with a filter, or without a job"
            )
        return table

    async def run(self, cluster: RunContext, plan: Table) -> Table:
        del cluster
        return plan
