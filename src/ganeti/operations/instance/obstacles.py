# SPDX-License-Identifier: BSD-2-Clause
"""Whether changes of an instance would prevent it from starting on its primary node."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.jobs.context import CheckContext
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, backend_parameters, guest_of
from ganeti.model.instance import Instance
from ganeti.model.report import NodeReport
from ganeti.model.state import State
from ganeti.operations.instance.subject import primary_of
from ganeti.rpc.contract.instance import CheckStart
from ganeti.rpc.contract.node import DescribeNode


async def new_obstacles(cluster: CheckContext, old: Instance, new: Instance) -> Sequence[str]:
    """Only obstacles that the change causes, as text; empty if the node is marked offline."""
    node, state = primary_of(cluster.state, new), cluster.state
    if node.offline:
        return ()
    stays = new.primary_node == old.primary_node
    before = await cluster.call(node, CheckStart(guest=guest_of(state, old))) if stays else ()
    after = await cluster.call(node, CheckStart(guest=_with_disks_of(guest_of(state.changed([new]), new), old)))
    report = await cluster.call(node, DescribeNode(hypervisors=(old.hypervisor,)))
    memory = _lacking_memory(state, report, old, new)
    return [*([memory] if memory else []), *(told for told in after if told not in before)]


def _with_disks_of(guest: Guest, instance: Instance) -> Guest:
    """Without disks that are still to be created."""
    there = {(disk.uuid, disk.template, disk.location) for disk in instance.disks}
    return evolve(guest, disks=tuple(d for d in guest.disks if (d.uuid, d.template, d.location) in there))


def _lacking_memory(state: State, report: NodeReport, old: Instance, new: Instance) -> str:
    """What its node lacks for increased memory; the guest's present memory is freed when it stops."""
    wanted = backend_parameters(state, new).maxmem
    held = sum(guest.memory for guest in report.guests if guest.uuid == old.uuid)
    stays = new.primary_node == old.primary_node
    if (stays and wanted <= backend_parameters(state, old).maxmem) or wanted <= report.memory.free + held:
        return ""
    return f"it needs {wanted} MiB of memory, and could have {report.memory.free + held} on its primary node"
