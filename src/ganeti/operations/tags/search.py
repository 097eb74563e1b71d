# SPDX-License-Identifier: BSD-2-Clause
"""Find objects by their tags."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, ClassVar

from ganeti.declare.command import NO_JOB, Argument, Command
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.types import NonEmpty
from ganeti.errors import EXIT_FAILURE
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.model.entity import Entity
from ganeti.model.kind import TAGGED, Kind
from ganeti.model.state import CLASSES, State
from ganeti.query.pattern import Patterns

# Where it differs from the remote API.
_PATHS = {Kind.GROUP: "nodegroup"}

Found = list[tuple[str, str]]


class TagsSearch(JobOperation[Found], frozen=True, kw_only=True, tag="OP_TAGS_SEARCH"):
    """Find objects by their tags: pairs of a path, such as ``/nodes/node1``, and a tag."""

    role: ClassVar[Role] = Role.READ
    reads_only: ClassVar[bool] = True
    subject: ClassVar[str | None] = "pattern"
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "search-tags",
            (Argument("pattern", "Regular expression to search for in tags"),),
            (NO_JOB,),
            usage="<pattern>",
            help="Search for tags that match a regular expression. The exit status is 1 if none does.",
            at_once=True,
            if_empty=EXIT_FAILURE,
        ),
    )

    pattern: Annotated[NonEmpty, param("Regular expression to search for in tags")]

    async def check(self, cluster: CheckContext) -> Found:
        matches = Patterns("Parameter 'pattern'").searching(self.pattern)

        def searching() -> Generator[None, None, Found]:
            found: Found = []
            for path, entity in _paths(cluster.state):
                for tag in sorted(entity.tags):
                    if matches(tag):
                        found.append((path, tag))
                    yield
            return found

        return await cluster.turns.take(searching())

    async def run(self, cluster: RunContext, plan: Found) -> Found:
        del cluster
        return plan


def _paths(state: State) -> list[tuple[str, Entity]]:
    found: list[tuple[str, Entity]] = [("/cluster", state.cluster)]
    for kind in reversed(TAGGED):
        path = _PATHS.get(kind, kind.path)
        found += [(f"/{path}/{entity.name}", entity) for entity in state.all_of(CLASSES[kind]) if path]
    return found
