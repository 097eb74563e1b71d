# SPDX-License-Identifier: BSD-2-Clause
"""The tags of an object."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import Name
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.kind import TAGGED, labelled
from ganeti.operations.tags.subject import Label, named, of, shown, tagged, tags_path


class TagsGet(JobOperation[list[str]], frozen=True, kw_only=True, tag="OP_TAGS_GET"):
    """List the tags of an object."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    subject: ClassVar[str | None] = "name"
    routes: ClassVar[tuple[Route, ...]] = tuple(
        Route("GET", tags_path(kind), fixed={"kind": kind.label}, at_once=True, summary=f"Tags {of(kind)}")
        for kind in TAGGED
    )
    commands: ClassVar[tuple[Command, ...]] = tuple(
        Command(
            f"gnt-{kind}",
            "list-tags",
            named(kind),
            usage=shown(kind),
            fixed={"kind": kind.label},
            help=f"List the tags of {kind.articled}.",
            at_once=True,
        )
        for kind in TAGGED
    )

    kind: Annotated[Label, param("Kind of object")]
    name: Annotated[Name | None, param("Name of the object; empty for the cluster")] = None
    use_locking: Annotated[bool, param("Lock the object meanwhile", accepted="reads are consistent without locks")] = (
        False
    )

    async def check(self, cluster: CheckContext) -> list[str]:
        return sorted(tagged(cluster.state, labelled(self.kind), self.name).tags)

    async def run(self, cluster: RunContext, plan: list[str]) -> list[str]:
        del cluster
        return plan
