# SPDX-License-Identifier: BSD-2-Clause
"""The addresses that guests have, as their agents tell them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext
from ganeti.model.guest_agent import GuestAddresses
from ganeti.model.instance import Instance
from ganeti.rpc.contract.instance import TellAddresses


async def addresses_of(cluster: CheckContext, instances: Iterable[Instance]) -> dict[str, GuestAddresses]:
    """By UUID, of instances that run where they should, have a channel for an agent, and whose nodes answer."""
    state = cluster.state
    names: defaultdict[str, list[str]] = defaultdict(list)
    for instance in instances:
        if instance.uuid in (cluster.live.guests_on(instance.primary_node) or {}):
            names[instance.primary_node].append(instance.name)
    hypervisors = state.cluster.enabled_hypervisors
    calls = [
        (node, TellAddresses(hypervisors=hypervisors, names=tuple(names[node.uuid])))
        for node in state.hosting_nodes
        if node.uuid in names
    ]
    answers = await cluster.call_each(calls)
    return {one.uuid: one for answer in answers.values() if not isinstance(answer, GanetiError) for one in answer}
