# SPDX-License-Identifier: BSD-2-Clause
"""The clock of a guest that did not run for a while."""

from __future__ import annotations

from ganeti.errors import GanetiError
from ganeti.jobs.context import RunContext
from ganeti.model.guest import Guest
from ganeti.model.node import Node
from ganeti.rpc.contract.instance import SetClock


async def set_clock(cluster: RunContext, node: Node, guest: Guest) -> None:
    """Have its agent set it, if it has a channel for one. Whatever comes of that is said, and prevents nothing."""
    try:
        problem = await cluster.call(node, SetClock(guest=guest))
    except GanetiError as error:
        problem = error.message
    if problem:
        cluster.warn(f"The clock of {guest.name} was not set: {problem}")
    elif problem is not None:
        cluster.log(f"The agent of {guest.name} has set its clock")
