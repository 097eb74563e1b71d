# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on the tags of one object have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from ganeti.declare.parameter import param
from ganeti.declare.types import Tag
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.entity import Entity, evolve
from ganeti.model.kind import Kind, labelled
from ganeti.model.state import CLASSES, State

# A closed list, made from the table of kinds; to mypy, which reads no tables, a text.
if TYPE_CHECKING:
    Label = str
else:
    Label = Literal[*(kind.label for kind in Kind)]


class TagOperation(JobOperation[Entity], frozen=True, kw_only=True):
    """Changes the tags of one object; the plan is the object as it becomes."""

    kind: Annotated[Label, param("Kind of object")]
    tags: Annotated[list[Tag], param("Tags")]
    name: Annotated[str | None, param("Name of the object; empty for the cluster")] = None

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        """The tags that there will be, from those that there are. Raises WrongInput."""
        raise NotImplementedError

    def locks(self, state: State) -> LockSet:
        kind = labelled(self.kind)
        return exclusive(kind, tagged(state, kind, self.name).name) if kind.path else all_exclusive(kind)

    async def check(self, cluster: CheckContext) -> Entity:
        if not self.tags:
            raise WrongInput("Parameter 'tags': no tag is given")
        found = tagged(cluster.state, labelled(self.kind), self.name)
        return evolve(found, tags=self.changed(found.tags))

    async def run(self, cluster: RunContext, plan: Entity) -> None:
        await cluster.commit([plan])


def tagged(state: State, kind: Kind, name: str | None) -> Entity:
    """Raises WrongInput or UnknownEntity."""
    if not kind.path:
        return state.cluster
    if not name:
        raise WrongInput(f"Parameter 'name': a name is needed, to say which {kind.noun}")
    return state.find(CLASSES[kind], name)
