# SPDX-License-Identifier: BSD-2-Clause
"""Changing the disks and network cards of an instance while its guest runs."""

from __future__ import annotations

from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.guest import guest_of
from ganeti.model.instance import Instance
from ganeti.model.layout import Layout
from ganeti.model.running import as_changed, plugging
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.subject import primary_of
from ganeti.rpc.contract.instance import CheckReplug, ReplugGuest


async def planned_replug(
    cluster: CheckContext, old: Instance, new: Instance, *, or_nothing: bool
) -> ReplugGuest | None:
    """What makes the guest of ``old``, which runs, that of ``new``; None if nothing of that concerns its devices.

    Raises WrongState if it cannot be done now; without ``or_nothing`` it is None then, and noted, unless disks are to
    go that the guest has.
    """
    state, node = cluster.state, primary_of(cluster.state, old)
    before, after = guest_of(state, old), guest_of(state.changed([new]), new)
    runs = await running_guest(cluster, node, before)
    wanted = as_changed(runs, before, after)
    if not (change := plugging(runs, wanted)):
        return None
    in_the_way = await cluster.call(node, CheckReplug(before=runs, after=wanted))
    obstacles = "; ".join(in_the_way)
    if not obstacles:
        return ReplugGuest(before=runs, after=wanted)
    if or_nothing or change.gone_disks:
        later = "stop it first" if change.gone_disks else "'gnt-instance modify --no-hotplug' does it at its next start"
        raise WrongState(f"{old.name} is running, and this cannot be changed meanwhile: {obstacles}; {later}")
    cluster.note(f"{old.name} is not changed while it runs: {obstacles}")
    return None


async def replugged(cluster: RunContext, instance: Instance, replug: ReplugGuest) -> Layout | None:
    """Do that; if the operation fails before its next commit, it is undone. Where the devices are from then on."""
    node = primary_of(cluster.state, instance)
    cluster.step(f"changing the devices of {instance.name} while it runs")
    back = ReplugGuest(before=replug.after, after=replug.before)
    await cluster.will_leave((f"the changed devices of {instance.name}, which runs on {node.name}", node, back))
    return await cluster.call(node, replug) or instance.layout
