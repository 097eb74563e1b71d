# SPDX-License-Identifier: BSD-2-Clause
"""What guests run with, as recorded on their nodes."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.jobs.context import CheckContext
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.running import Difference, as_it_runs, differences
from ganeti.operations.instance.primaries import told_by_primaries
from ganeti.rpc.contract.instance import RecallGuests


async def running_guest(cluster: CheckContext, node: Node, configured: Guest) -> Guest:
    """The guest as it runs on a node, or as configured if that is unknown."""
    call = RecallGuests(hypervisors=(configured.hypervisor,), names=(configured.name,))
    started = {guest.uuid: guest for guest in await cluster.call(node, call)}
    return as_it_runs(configured, started[configured.uuid]) if configured.uuid in started else configured


async def pending(cluster: CheckContext, instances: Sequence[Instance]) -> dict[str, tuple[Difference, ...]]:
    """By UUID, the changes that running instances get at their next start, as far as their nodes answer."""
    state = cluster.state
    hypervisors = state.cluster.enabled_hypervisors
    started = await told_by_primaries(
        cluster,
        instances,
        lambda some: RecallGuests(hypervisors=hypervisors, names=tuple(one.name for one in some)),
    )
    return {
        instance.uuid: differences(guest_of(state, instance), started[instance.uuid])
        for instance in instances
        if instance.uuid in started
    }
