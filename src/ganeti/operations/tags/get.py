# SPDX-License-Identifier: BSD-2-Clause
"""The tags of an object."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.operation import Role
from ganeti.declare.parameter import param
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import labelled
from ganeti.operations.tags.subject import Label, tagged


class TagsGet(JobOperation[list[str]], frozen=True, kw_only=True, tag="OP_TAGS_GET"):
    """Tell the tags of an object."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    subject: ClassVar[str | None] = "name"

    kind: Annotated[Label, param("Kind of object")]
    name: Annotated[str | None, param("Name of the object; empty for the cluster")] = None
    use_locking: Annotated[bool, param("Lock the object meanwhile", accepted="reads are consistent without locks")] = (
        False
    )

    async def check(self, cluster: CheckContext) -> list[str]:
        return sorted(tagged(cluster.state, labelled(self.kind), self.name).tags)

    async def run(self, cluster: RunContext, plan: list[str]) -> list[str]:
        del cluster
        return plan
