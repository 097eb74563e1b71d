# SPDX-License-Identifier: BSD-2-Clause
"""What all operations on the tags of one object have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from ganeti.declare.parameter import param
from ganeti.declare.types import Tag
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.locks import LockSet, all_exclusive, exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.entity import Entity, evolve
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State

Kind = Literal["cluster", "nodegroup", "node", "instance"]

_CLASSES: dict[str, type[Group | Node | Instance]] = {"nodegroup": Group, "node": Node, "instance": Instance}


class TagOperation(JobOperation[Entity], frozen=True, kw_only=True):
    """Changes the tags of one object; the plan is the object as it becomes."""

    kind: Annotated[Kind, param("What is tagged")]
    tags: Annotated[list[Tag], param("Tags")]
    name: Annotated[str | None, param("Name of the object; none for the cluster")] = None

    def changed(self, tags: frozenset[str]) -> frozenset[str]:
        """The tags that there will be, from those that there are. Raises WrongInput."""
        raise NotImplementedError

    def locks(self, state: State) -> LockSet:
        if self.kind == "cluster":
            return all_exclusive("cluster")
        return exclusive(self.kind, tagged(state, self.kind, self.name).name)

    async def check(self, cluster: CheckContext) -> Entity:
        if not self.tags:
            raise WrongInput("Parameter 'tags': no tag is given")
        found = tagged(cluster.state, self.kind, self.name)
        return evolve(found, tags=self.changed(found.tags))

    async def run(self, cluster: RunContext, plan: Entity) -> None:
        await cluster.commit([plan])


def tagged(state: State, kind: str, name: str | None) -> Entity:
    """Raises WrongInput or UnknownEntity."""
    if kind == "cluster":
        return state.cluster
    if not name:
        raise WrongInput(f"Parameter 'name': which {kind} is meant?")
    return state.find(_CLASSES[kind], name)
