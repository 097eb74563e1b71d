# SPDX-License-Identifier: BSD-2-Clause
"""Start an instance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Struct

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param, parameters_of
from ganeti.declare.problems import Problems
from ganeti.declare.route import Route
from ganeti.declare.types import Parameters, Seconds
from ganeti.errors import ExecutionFailed, GanetiError, InsufficientResources, NodeUnreachable, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.entity import evolve
from ganeti.model.growth import base_memory, room_for_memory
from ganeti.model.guest import Guest, ensure_backend_sense, ensure_hypervisor_sense, guest_of
from ganeti.model.instance import AdminState, Instance
from ganeti.model.node import Node
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.state import State
from ganeti.model.timing import SHUTDOWN_TIMEOUT
from ganeti.operations.instance.activation import follow
from ganeti.operations.instance.blueprint import backend_overrides, hypervisor_overrides
from ganeti.operations.instance.clock import set_clock
from ganeti.operations.instance.presence import ensure_lost, ensure_nowhere
from ganeti.operations.instance.subject import ByWatcher, InstanceOperation, online, primary_of
from ganeti.rpc.contract.instance import CheckStart, ForgetMachineState, StartGuest
from ganeti.rpc.contract.node import DescribeNode


@dataclass(frozen=True, slots=True)
class StartupPlan:
    """``guest`` is None if the instance is only to be marked up."""

    instance: Instance
    node: Node
    guest: Guest | None


class InstanceStartup(InstanceOperation[StartupPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_STARTUP"):
    """Start an instance."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "PUT",
            "/instances/{instance_name}/startup",
            query={"force": "force", "no_remember": "no_remember"},
            body=True,
        ),
    )
    hook: ClassVar[Hook | None] = Hook("instance-start", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-instance", "startup", per_instance=True, usage="<instance>"),
    )

    force: Annotated[
        bool, param("Do not ask for confirmation, and start even if secondary disks are degraded", "-f", "--force")
    ] = False
    ignore_offline_nodes: Annotated[
        bool, param("If the primary node is offline, only record that it should be up", "--ignore-offline")
    ] = False
    hvparams: Annotated[
        Parameters, param("Hypervisor parameters for this start only", "-H", "--hypervisor-parameters")
    ] = {}
    beparams: Annotated[Parameters, param("Backend parameters for this start only", "-B", "--backend-parameters")] = {}
    no_remember: Annotated[bool, param("Do not record that the instance should be up", "--no-remember")] = False
    startup_paused: Annotated[bool, param("Start the instance in paused state", "--paused")] = False
    reset_nvram: Annotated[
        bool, param("Start with the UEFI variables of a new instance, such as its boot entries", "--reset-nvram")
    ] = False
    shutdown_timeout: Annotated[
        Seconds, param("Seconds to wait for the guest to shut down", accepted="nothing is shut down")
    ] = SHUTDOWN_TIMEOUT
    by_watcher: ByWatcher = False

    async def check(self, cluster: CheckContext) -> StartupPlan:
        state = cluster.state
        instance = self.instance(state)
        node = primary_of(state, instance)
        if self.by_watcher:
            ensure_lost(cluster, instance)
        if instance.admin_state is AdminState.OFFLINE:
            raise WrongState(f"Instance {instance.name} is marked offline, so it is not started")
        if node.offline and self.ignore_offline_nodes:
            return StartupPlan(instance, node, None)
        online(node)
        await ensure_nowhere(cluster, instance, but=[node])
        guest = self._guest(state, instance)
        self._ensure_variables(guest)
        if instance.uuid not in (cluster.live.guests_on(node.uuid) or {}):
            await ensure_it_fits(cluster, node, guest)
        elif self.startup_paused:
            raise WrongState(f"Instance {instance.name} has been started already, so it cannot be started paused")
        elif self.reset_nvram:
            raise WrongState(f"Instance {instance.name} runs; its UEFI variables are reset only when it is started")
        return StartupPlan(instance, node, guest)

    async def run(self, cluster: RunContext, plan: StartupPlan) -> None:
        if not self.no_remember:
            await mark(cluster, plan.instance, AdminState.UP)
        if plan.guest is None:
            cluster.warn(f"Node {plan.node.name} is offline; only recording that {plan.instance.name} should be up")
            return
        await follow(cluster, plan.instance, plan.node, force=self.force)
        if self.reset_nvram:
            await cluster.call(plan.node, ForgetMachineState(guest=plan.guest, variables_only=True))
        started = await cluster.call(plan.node, StartGuest(guest=plan.guest, paused=self.startup_paused))
        if started.paused_again:
            raise WrongState(
                f"Instance {plan.instance.name} was told to go on and paused again at once: it is "
                f"{started.paused_again}; once the cause is gone, start it again"
            )
        if started.resumed:
            cluster.log(f"Instance {plan.instance.name} was paused, and goes on")
            await set_clock(cluster, plan.node, plan.guest)
        elif not started.fresh:
            cluster.log(f"Instance {plan.instance.name} was running already")

    def hook_environment(self, state: State, plan: StartupPlan) -> dict[str, str]:
        return {**super().hook_environment(state, plan), "FORCE": str(self.force)}

    def _ensure_variables(self, guest: Guest) -> None:
        if self.reset_nvram and guest.hvparams.get("firmware") != "uefi":
            raise WrongInput(
                f"Parameter 'reset_nvram': {guest.name} has no UEFI variables; hypervisor parameter 'firmware' of kvm "
                "is 'uefi' for an instance that has"
            )

    def _guest(self, state: State, instance: Instance) -> Guest:
        hvparams = hypervisor_overrides(instance.hypervisor, self.hvparams)
        beparams = backend_overrides(self.beparams)
        _ensure_of_a_start(HYPERVISOR_PARAMETERS[instance.hypervisor], hvparams, "Parameter 'hvparams'")
        _ensure_of_a_start(BackendParameters, beparams, "Parameter 'beparams'")
        ensure_backend_sense(state, instance, beparams)
        ensure_hypervisor_sense(state, instance, hvparams)
        return guest_of(state, instance, hvparams=hvparams, beparams=beparams)


def _ensure_of_a_start(table: type[Struct], given: Iterable[str], what: str) -> None:
    """Raise WrongInput for parameters that a guest is not started with: they would have no effect."""
    if configured := [name for name in given if parameters_of(table)[name].at_once]:
        raise WrongInput(
            f"{what}: '{configured[0]}' cannot be given for one start, since guests that run have it as it is "
            "configured; 'gnt-instance modify' changes that"
        )


async def start(cluster: RunContext, node: Node, guest: Guest, *, done: str) -> None:
    """Start a guest for which something was ``done`` before.

    Errors mention that too; without an answer of the node they leave open whether the guest was started.
    """
    try:
        await cluster.call(node, StartGuest(guest=guest))
    except NodeUnreachable as error:
        raise NodeUnreachable(
            f"Instance {guest.name} {done}; whether it was started is not known: {error.message}"
        ) from None
    except GanetiError as error:
        raise ExecutionFailed(f"Instance {guest.name} {done}, but could not be started: {error.message}") from error


async def ensure_it_fits(
    cluster: CheckContext, node: Node, guest: Guest, *, disks_exist: bool = True, reserved: int = 0
) -> None:
    """Raise InsufficientResources or WrongState if a guest could not be started on a node.

    ``reserved``: MiB of its memory that are for others.
    """
    problems = Problems()
    with problems.noted():
        await ensure_memory(cluster, node, guest, reserved=reserved)
    with problems.noted():
        await ensure_possible(cluster, node, guest, disks_exist=disks_exist)
    problems.tell()


async def ensure_memory(cluster: CheckContext, node: Node, guest: Guest, *, reserved: int = 0) -> None:
    """Raise InsufficientResources if a node has too little of it; ``reserved``: MiB of that are for others.

    Room that the guest can never get there prevents nothing, and is told.
    """
    report = await cluster.call(node, DescribeNode(hypervisors=(guest.hypervisor,)))
    if (most := base_memory(guest) + room_for_memory(guest)) > report.memory.total:
        cluster.note(
            f"Node {node.name} has {report.memory.total} MiB of memory in all, so {guest.name} never gets "
            f"the {most} MiB there that it has room for (max_memory)"
        )
    if report.memory.free - reserved < guest.memory_now:
        kept = f", {reserved} MiB of them reserved for forthcoming instances" if reserved else ""
        raise InsufficientResources(
            f"Node {node.name} has {report.memory.free} MiB of free memory{kept}, "
            f"{guest.name} needs {guest.memory_now} MiB"
        )


async def ensure_possible(cluster: CheckContext, node: Node, guest: Guest, *, disks_exist: bool = True) -> None:
    """Raise WrongState, with everything that prevents it, if a guest like this could not run on a node."""
    in_the_way = await cluster.call(node, CheckStart(guest=guest, disks_exist=disks_exist))
    if in_the_way:
        raise WrongState(f"{guest.name} cannot be started on {node.name}: {'; '.join(in_the_way)}")


async def mark(cluster: RunContext, instance: Instance, admin_state: AdminState, source: str = "admin") -> Instance:
    """Record what the administrator wants, which resets the watcher's count; the updated instance."""
    wanted = evolve(instance, admin_state=admin_state, admin_state_source=source, restarts=())
    if wanted != instance:
        await cluster.commit([wanted])
    return cluster.state.get(Instance, instance.uuid)
