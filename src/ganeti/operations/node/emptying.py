# SPDX-License-Identifier: BSD-2-Clause
"""Moving instances away from a node, each with a job of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganeti.jobs.context import RunContext
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.preview import Preview
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.state import State

Jobs = Sequence[Sequence[JobOperation[Any]]]


def primaries(state: State, node: Node) -> list[Instance]:
    """The instances whose primary node it is, by name."""
    return sorted((i for i in state.instances_on(node.uuid) if i.primary_node == node.uuid), key=lambda i: i.name)


def running(state: State, node: Node) -> list[str]:
    """The names of the instances that run on it, if all is as configured."""
    return [instance.name for instance in primaries(state, node) if instance.admin_state is AdminState.UP]


def secondaries(state: State, node: Node) -> list[Instance]:
    return sorted((i for i in state.instances_on(node.uuid) if i.primary_node != node.uuid), key=lambda i: i.name)


async def submitted(cluster: RunContext, jobs: Jobs) -> dict[str, Any]:
    """The numbers of the jobs in Ganeti's shape."""
    return {"jobs": [[True, number] for number in await cluster.submit(jobs)]}


# How the operations are called that take instances away, and what names the other node.
_DOING = {
    "OP_INSTANCE_MIGRATE": ("migrate", "target_node"),
    "OP_INSTANCE_FAILOVER": ("fail over", "target_node"),
    "OP_INSTANCE_REPLACE_DISKS": ("move the secondary copies of", "remote_node"),
}


def preview_of(jobs: Jobs) -> Preview:
    """What jobs would be submitted; each finds out for itself whether it still can."""
    changes = tuple(f"submit a job: {', then '.join(map(_told, job))}" for job in jobs)
    return Preview(changes or ("submit no job: there is nothing to move",))


def _told(operation: JobOperation[Any]) -> str:
    doing, where = _DOING[operation.wire_name()]
    target = getattr(operation, where)
    return f"{doing} {getattr(operation, str(operation.subject))}{f' to {target}' if target else ''}"
