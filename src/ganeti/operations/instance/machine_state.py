# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's machine keeps while it is off goes where the instance goes."""

from __future__ import annotations

from ganeti.errors import GanetiError
from ganeti.jobs.context import RunContext, Thing
from ganeti.model.guest import Guest
from ganeti.model.node import Node
from ganeti.rpc.contract.instance import FetchMachineState, ForgetMachineState, KeepMachineState


async def carry(cluster: RunContext, guest: Guest, source: Node, target: Node) -> tuple[Thing, ...]:
    """Copy it to the new node of a stopped guest; what is to be removed on the old one, once the guest is elsewhere.

    The guest runs without it too, as on a new board: a failure only causes a warning.
    """
    if not guest.keeps:
        return ()
    if source.offline:
        cluster.warn(_lost(guest, source, target, "it is marked offline"))
        return ()
    try:
        state = await cluster.call(source, FetchMachineState(guest=guest))
        await cluster.call(target, KeepMachineState(guest=guest, state=state))
    except GanetiError as error:
        cluster.warn(_lost(guest, source, target, error.message))
        return ()
    return ((f"the {' and '.join(guest.keeps)} of {guest.name}", source, ForgetMachineState(guest=guest)),)


def _lost(guest: Guest, source: Node, target: Node, why: str) -> str:
    kept = " and ".join(guest.keeps)
    return (
        f"{guest.name} does without its {kept}, which stay on {source.name} ({why}); on {target.name} it gets new ones"
    )
