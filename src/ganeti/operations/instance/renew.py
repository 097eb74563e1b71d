# SPDX-License-Identifier: BSD-2-Clause
"""Have a running instance go on in a new process of its hypervisor, on its own node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.parameter import param
from ganeti.declare.route import Route
from ganeti.declare.text import format_size
from ganeti.errors import WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import Instance
from ganeti.model.migration import ENDING_HERE, LOCAL_BANDWIDTH, Forecast
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.operations.instance.clock import set_clock
from ganeti.operations.instance.migrate import NOTICED, activity_of, is_live
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of
from ganeti.rpc.contract.instance import Activity, CheckRenewal, RenewGuest, TellPrograms


@dataclass(frozen=True, slots=True)
class RenewPlan:
    """``guest`` as it runs; ``found``: what it runs, as a sentence; ``needed``: whether anything is to be done.

    ``paused``: it is paused while its memory is copied; ``forecast``: of one that is not.
    """

    instance: Instance
    node: Node
    guest: Guest
    found: str
    needed: bool = False
    live: bool = True
    paused: bool = False
    forecast: Forecast | None = None


class InstanceRenew(InstanceOperation[RenewPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_RENEW"):
    """Have a running instance go on in the hypervisor that is installed now, on its own node."""

    routes: ClassVar[tuple[Route, ...]] = (Route("PUT", "/instances/{instance_name}/renew", body=True),)
    commands: ClassVar[tuple[Command, ...]] = (Command("gnt-instance", "renew", per_instance=True, usage="<instance>"),)

    force: Annotated[bool, param("Renew even what runs the installed program", "-f", "--force")] = False
    non_live: Annotated[
        bool, param("Pause the instance while its memory is copied, whatever migration_mode is", "--non-live")
    ] = False

    async def check(self, cluster: CheckContext) -> RenewPlan:
        state = cluster.state
        instance = self.instance(state)
        node, name = online(primary_of(state, instance)), instance.name
        told = await cluster.call(node, TellPrograms(hypervisors=(instance.hypervisor,), names=(name,)))
        program = next((one for one in told if one.uuid == instance.uuid), None)
        guest = await running_guest(cluster, node, guest_of(state, instance))
        if program is None:
            return RenewPlan(instance, node, guest, f"{name} does not run, and starts with what is installed")
        if program.problem and not self.force:
            raise WrongState(f"What {name} runs is {program.told()}; --force renews it anyway")
        if not program.outdated and not self.force:
            return RenewPlan(instance, node, guest, f"{name} runs {program.told()}")
        if found := await cluster.call(node, CheckRenewal(guest=guest)):
            raise WrongState(f"Instance {name} cannot be renewed: {'; '.join(found)}")
        live = is_live(guest) and not self.non_live
        activity = await activity_of(cluster, node, guest) if live else None
        paused = not live or (activity is not None and activity.paused)
        forecast = None if paused or activity is None else _foretold(guest, activity)
        return RenewPlan(instance, node, guest, f"{name} runs {program.told()}", True, live, paused, forecast)

    async def run(self, cluster: RunContext, plan: RenewPlan) -> None:
        name = plan.instance.name
        cluster.log(f"Instance {plan.found}{'' if plan.needed else ': nothing to do'}")
        if not plan.needed:
            return
        if plan.forecast:
            cluster.log(f"This takes {plan.forecast.told()}")
        cluster.step(f"starting a new process for {name} on {plan.node.name}, in which it goes on")
        renewed = await cluster.call(plan.node, RenewGuest(guest=plan.guest, live=plan.live))
        cluster.log(
            f"Copied {renewed.transferred:.0f} MiB in {renewed.total:.2f} s; downtime {renewed.downtime * 1000:.0f} ms"
        )
        if renewed.downtime >= NOTICED:
            await set_clock(cluster, plan.node, plan.guest)
        cluster.step("done")

    def preview(self, state: State, plan: RenewPlan) -> Preview:
        del state
        name, node, memory = plan.instance.name, plan.node.name, format_size(plan.guest.memory_now)
        if not plan.needed:
            return Preview((f"nothing: {plan.found}",))
        how = "paused meanwhile" if plan.paused else "live"
        return Preview(
            (
                f"have {name} go on in a new process on {node}, {how}; {plan.found}",
                f"take another {memory} of memory of {node} until then",
            ),
            takes=plan.forecast.told() if plan.forecast else "",
            risks=(f"{name} goes on in the process that it has if the new one or the node daemon fails meanwhile",),
        )


def _foretold(guest: Guest, activity: Activity) -> Forecast:
    """Raises WrongState if it would not end, and nothing is allowed that makes it end."""
    memory, changed = activity.memory, activity.changed
    forecast = Forecast(memory, changed, LOCAL_BANDWIDTH, guest.hvparams.get("migration_downtime", 0) / 1000)
    if not forecast.ends and not set(ENDING_HERE) & set(guest.hvparams.get("migration_caps", "").split(":")):
        raise WrongState(
            f"Instance {guest.name} changes {changed:.0f} MiB of its memory a second, and {LOCAL_BANDWIDTH} MiB/s are "
            "copied: that would not end. Allow auto-converge (the guest is slowed down) in migration_caps, or use "
            "--non-live"
        )
    return forecast
