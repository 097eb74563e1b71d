# SPDX-License-Identifier: BSD-2-Clause
"""Reinstall the operating system of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ganeti.declare.command import Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.role import Role
from ganeti.declare.route import Around, Route
from ganeti.declare.text import format_size
from ganeti.declare.types import OsName, Parameters
from ganeti.errors import ExecutionFailed, GanetiError, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, ensure_hypervisor_sense, guest_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.os_parameters import os_texts
from ganeti.model.state import State
from ganeti.operations.instance.activation import activated, deactivate
from ganeti.operations.instance.content import ForceVariant, OperatingSystem
from ganeti.operations.instance.presence import ensure_stopped
from ganeti.operations.instance.startup import ensure_possible
from ganeti.operations.instance.subject import InstanceOperation, online, primary_of


@dataclass(frozen=True, slots=True)
class ReinstallPlan:
    """``guest`` has the operating system to install, and the parameters for it."""

    instance: Instance
    node: Node
    guest: Guest


class InstanceReinstall(InstanceOperation[ReinstallPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_REINSTALL"):
    """Reinstall the operating system of a stopped instance, or install another one. The data on its disks is lost."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (
        Route(
            "POST",
            "/instances/{instance_name}/reinstall",
            query={"os": "os_type"},
            body=True,
            renamed={"os": "os_type"},
            around=Around("OP_INSTANCE_SHUTDOWN", "OP_INSTANCE_STARTUP", wanted="start", unwanted="nostartup"),
            summary="Stop an instance, reinstall its operating system or install another one, and start it.",
        ),
    )
    hook: ClassVar[Hook | None] = Hook("instance-reinstall", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "reinstall",
            per_instance=True,
            question="The operating system of {instance_name} will be reinstalled, and the data on its disks will be "
            "lost. Continue?",
            usage="[-f] [-o <os> | --select-os] <instance>...",
        ),
    )

    force_variant: ForceVariant = False
    os_type: Annotated[
        OsName | None,
        param(
            "Another operating system, with its variant: OS[+VARIANT]", "-o", "--os-type", metavar="OS", completes="os"
        ),
    ] = None
    osparams: Annotated[
        Parameters | None,
        param("OS parameters for this installation, not stored", "-O", "--os-parameters", metavar="KEY=VALUE,..."),
    ] = None
    osparams_private: Annotated[
        Parameters | None,
        param(
            "Private OS parameters for this installation: not stored, and not shown with the job",
            "--os-parameters-private",
            metavar="KEY=VALUE,...",
            secret=True,
        ),
    ] = None
    osparams_secret: Annotated[
        Parameters | None,
        param(
            "Secret OS parameters for this installation: not stored, and not shown with the job",
            "--os-parameters-secret",
            metavar="KEY=VALUE,...",
            secret=True,
        ),
    ] = None

    async def check(self, cluster: CheckContext) -> ReinstallPlan:
        instance = self.instance(cluster.state)
        node = online(primary_of(cluster.state, instance))
        if not instance.disks:
            raise WrongState(f"Instance {instance.name} has no disks, so nothing can be installed on it")
        if not (self.os_type or instance.os):
            raise WrongInput(f"Parameter 'os_type' is missing (-o): no operating system of {instance.name} is known")
        await ensure_stopped(cluster, instance)
        changed = evolve(instance, os=self.os_type or instance.os)
        state, problems = cluster.state.changed([changed]), Problems()
        guest = guest_of(state, changed, osparams_secret=self._parameters())
        with problems.noted():
            ensure_hypervisor_sense(state, changed)
        with problems.noted():
            await self._content.ensure_possible(cluster, node, guest)
        if changed.os != instance.os:  # which may imply other hypervisor parameters
            with problems.noted():
                await ensure_possible(cluster, node, guest)
        problems.tell()
        return ReinstallPlan(instance, node, guest)

    def preview(self, state: State, plan: ReinstallPlan) -> Preview:
        del state
        name, size = plan.instance.name, format_size(sum(disk.size for disk in plan.instance.disks))
        written = f"have the scripts of {plan.guest.os} install it on the disks of {name}, {size} in all, over all data"
        return Preview((written,), risks=("what a script that fails has overwritten by then is lost",))

    async def run(self, cluster: RunContext, plan: ReinstallPlan) -> None:
        name = plan.instance.name
        async with activated(cluster, plan.instance, runs=False):
            if plan.guest.os != plan.instance.os:
                # Before the first byte is written: from then on the old system is lost.
                cluster.step(f"changing the operating system of {name} to {plan.guest.os}")
                await cluster.commit([evolve(plan.instance, os=plan.guest.os)])
            try:
                await self._content.fill(cluster, plan.node, plan.guest)
            except GanetiError as error:
                raise ExecutionFailed(
                    f"The operating system of {name} is not installed, and its disks may hold anything; once the "
                    f"cause is gone, reinstall it again: {error.message}"
                ) from error

    async def recover(self, cluster: RunContext) -> None:
        """How far it got is unknown; its disks are deactivated."""
        instance = self.instance(cluster.state)
        cluster.warn(f"The operating system of {instance.name} may be installed in part only; reinstall it again")
        if not primary_of(cluster.state, instance).offline:
            await deactivate(cluster, instance)

    @property
    def _content(self) -> OperatingSystem:
        return OperatingSystem(force_variant=self.force_variant, debug_level=self.debug_level or 0, anew=True)

    def _parameters(self) -> Mapping[str, str]:
        given = {**(self.osparams or {}), **(self.osparams_private or {}), **(self.osparams_secret or {})}
        return os_texts(given, "OS parameters")
