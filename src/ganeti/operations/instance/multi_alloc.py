# SPDX-License-Identifier: BSD-2-Clause
"""Create several instances, each by a job of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.state import State
from ganeti.operations.instance.allocator import AllocatorName
from ganeti.operations.instance.create import BODY_NAMES, CreatePlan, CreationMode, Disks, InstanceCreate, Nics
from ganeti.operations.instance.nics import NicRequest

MOST_CREATED = 1_000  # instances; so many large requests take the master daemon a second to decode and check


class InstanceRequest(InstanceCreate, frozen=True, kw_only=True, omit_defaults=True, tag=InstanceCreate.wire_name()):
    """The creation of one of the instances, with fewer required parameters."""

    noun: ClassVar[str] = "Instance"

    mode: CreationMode = "create"
    disks: Disks = []
    nics: Nics = msgspec.field(default_factory=lambda: [NicRequest()])


@dataclass(frozen=True, slots=True)
class Creation:
    """``plan``: where it would be, if that is to be told."""

    operation: InstanceCreate
    plan: CreatePlan | None


class InstanceMultiAlloc(JobOperation[list[Creation]], frozen=True, kw_only=True, tag="OP_INSTANCE_MULTI_ALLOC"):
    """Create several instances, each by a job of its own."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/instances-multi-alloc", body=True, renamed_inside={"instances": BODY_NAMES}),
    )

    opportunistic_locking: Annotated[
        bool, param("Choose among the nodes that no job has locked", accepted="allocation never waits for locks")
    ] = False
    iallocator: AllocatorName = None
    instances: Annotated[
        list[InstanceRequest],
        Meta(max_length=MOST_CREATED),
        param("Parameters of OP_INSTANCE_CREATE, for each instance"),
    ] = []

    async def check(self, cluster: CheckContext) -> list[Creation]:
        if not self.instances:
            raise WrongInput("Parameter 'instances': give at least one instance")
        names = [request.instance_name for request in self.instances]
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise WrongInput(f"Parameter 'instances': {', '.join(twice)} is given more than once")
        creations = [self._creation(request) for request in self.instances]
        if not self.dry_run:
            return [Creation(creation, None) for creation in creations]
        problems, tried = Problems(), []
        for creation in creations:
            with problems.noted(f"Instance {creation.instance_name}"):
                tried.append(Creation(creation, await creation.checked(cluster)))
        problems.tell()
        return tried

    def preview(self, state: State, plan: list[Creation]) -> Preview:
        told = [one.operation.preview(state, one.plan) for one in plan if one.plan]
        changes = (change for preview in told for change in preview.changes)
        among = ("each is tried on the cluster as it is, without the others",) if len(told) > 1 else ()
        return Preview(tuple(changes), risks=(*dict.fromkeys(risk for one in told for risk in one.risks), *among))

    async def run(self, cluster: RunContext, plan: list[Creation]) -> dict[str, Any]:
        numbers = await cluster.submit([[creation.operation] for creation in plan])
        return {
            "jobs": [[True, number] for number in numbers],
            "allocatable": [creation.operation.instance_name for creation in plan],
            "failed": [],
        }

    def _creation(self, request: InstanceRequest) -> InstanceCreate:
        placed = request.pnode or request.pnode_uuid or request.iallocator
        return InstanceCreate(**{**asdict(request), **({} if placed else {"iallocator": self.iallocator})})
