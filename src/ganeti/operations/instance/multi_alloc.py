# SPDX-License-Identifier: BSD-2-Clause
"""Create several instances, each by a job of its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from ganeti.declare.decode import decode
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.types import MOST_NAMES, NonEmpty, Parameters
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.operations.instance.create import BODY_NAMES, InstanceCreate


class InstanceMultiAlloc(JobOperation[list[InstanceCreate]], frozen=True, kw_only=True, tag="OP_INSTANCE_MULTI_ALLOC"):
    """Create several instances, each by a job of its own."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/instances-multi-alloc", body=True, renamed_inside={"instances": BODY_NAMES}),
    )

    opportunistic_locking: Annotated[
        bool, param("Choose among the nodes that no job has locked", accepted="allocation never waits for locks")
    ] = False
    iallocator: Annotated[
        NonEmpty | None, param("Instance allocator that chooses the nodes", "-I", "--iallocator", metavar="NAME")
    ] = None
    instances: Annotated[
        list[Parameters],
        Meta(max_length=MOST_NAMES),
        param("Parameters of OP_INSTANCE_CREATE, for each instance", holds=InstanceCreate),
    ] = []

    async def check(self, cluster: CheckContext) -> list[InstanceCreate]:
        del cluster
        if not self.instances:
            raise WrongInput("Parameter 'instances': give at least one instance")
        creations = [self._creation(index, given) for index, given in enumerate(self.instances)]
        names = [creation.instance_name for creation in creations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise WrongInput(f"Parameter 'instances': {', '.join(twice)} is given more than once")
        return creations

    async def run(self, cluster: RunContext, plan: list[InstanceCreate]) -> dict[str, Any]:
        numbers = await cluster.submit([[creation] for creation in plan])
        return {
            "jobs": [[True, number] for number in numbers],
            "allocatable": [creation.instance_name for creation in plan],
            "failed": [],
        }

    def _creation(self, index: int, given: dict[str, Any]) -> InstanceCreate:
        values = {"OP_ID": InstanceCreate.wire_name(), "mode": "create", "disks": [], "nics": [{}], **given}
        if self.iallocator and not values.get("pnode"):
            values.setdefault("iallocator", self.iallocator)
        return decode(values, InstanceCreate, f"Instance {index} ({given.get('instance_name', 'without a name')})")
