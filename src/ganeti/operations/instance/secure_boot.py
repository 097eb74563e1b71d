# SPDX-License-Identifier: BSD-2-Clause
"""The keys that guests have enrolled for Secure Boot, as their nodes find them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ganeti.errors import GanetiError
from ganeti.jobs.context import CheckContext
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import Instance
from ganeti.model.machine_state import EnrolledKeys
from ganeti.rpc.contract.instance import TellKeys


async def keys_of(cluster: CheckContext, instances: Iterable[Instance]) -> dict[str, EnrolledKeys]:
    """By UUID, of instances with Secure Boot whose primary nodes answer."""
    state = cluster.state
    guests: defaultdict[str, list[Guest]] = defaultdict(list)
    for instance in instances:
        guest = guest_of(state, instance)
        if guest.hvparams.get("secure_boot"):
            guests[instance.primary_node].append(guest)
    calls = [(node, TellKeys(guests=tuple(guests[node.uuid]))) for node in state.hosting_nodes if node.uuid in guests]
    answers = await cluster.call_each(calls)
    return {one.uuid: one for answer in answers.values() if not isinstance(answer, GanetiError) for one in answer}
