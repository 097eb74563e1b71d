# SPDX-License-Identifier: BSD-2-Clause
"""Hotplugging: changing the disks and NICs of an instance while its guest runs."""

from __future__ import annotations

from collections.abc import Collection

from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.growth import plugged_parameters
from ganeti.model.guest import guest_of
from ganeti.model.instance import Instance
from ganeti.model.layout import Layout
from ganeti.model.running import as_changed, plugging
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.subject import primary_of
from ganeti.rpc.contract.instance import CheckReplug, ReplugGuest


async def planned_replug(
    cluster: CheckContext, old: Instance, new: Instance, *, given: Collection[str], or_nothing: bool
) -> ReplugGuest | None:
    """What turns the running guest of ``old`` into that of ``new``; None if no devices change.

    ``given``: the names of the backend parameters that are changed, some of which can reach it.

    Raises WrongState if it cannot be done now; without ``or_nothing`` the result is then None, and noted, unless the
    guest would have to lose disks.
    """
    state, node = cluster.state, primary_of(cluster.state, old)
    before, after = guest_of(state, old), guest_of(state.changed([new]), new)
    runs = await running_guest(cluster, node, before)
    wanted = as_changed(runs, before, after, plugged_parameters(runs, given))
    if not (change := plugging(runs, wanted)):
        return None
    in_the_way = await cluster.call(node, CheckReplug(before=runs, after=wanted))
    obstacles = "; ".join(in_the_way)
    if not obstacles:
        return ReplugGuest(before=runs, after=wanted)
    stopped = change.gone_disks or change.relocated
    if or_nothing or stopped:
        later = "stop it first" if stopped else "'gnt-instance modify --no-hotplug' does it at its next start"
        raise WrongState(f"{old.name} is running, and this cannot be changed meanwhile: {obstacles}; {later}")
    cluster.note(f"{old.name} is not changed while it runs: {obstacles}")
    return None


async def replugged(cluster: RunContext, instance: Instance, replug: ReplugGuest) -> Layout | None:
    """Change the devices; that is undone if the operation fails before its next commit. Returns their new layout."""
    node = primary_of(cluster.state, instance)
    cluster.step(f"changing the devices of {instance.name} while it runs")
    back = ReplugGuest(before=replug.after, after=replug.before)
    await cluster.will_leave((f"the changed devices of {instance.name}, which runs on {node.name}", node, back))
    return await cluster.call(node, replug) or instance.layout
