# SPDX-License-Identifier: BSD-2-Clause
"""Make a disk of an instance larger.

Grows all copies first, then the device, then records the size, then resizes the guest's device. So the recorded size is
one that every copy has, wherever this is interrupted, and growing to the same size again continues from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.declare.text import format_size, parse_number, parse_size
from ganeti.declare.types import DiskIndex, Size
from ganeti.errors import InsufficientResources, WrongInput, WrongState
from ganeti.host.gathering import gather
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.preview import Preview
from ganeti.model.entity import evolve
from ganeti.model.guest import disks_of, guest_of, has_own_spindles, peers_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.template import unit_of
from ganeti.operations.instance.activation import activated, deactivate, is_mirrored
from ganeti.operations.instance.making import wiped
from ganeti.operations.instance.policy import IgnorePolicy, ensure_allowed
from ganeti.operations.instance.pools import ensure_pools
from ganeti.operations.instance.presence import ensure_nowhere, is_on
from ganeti.operations.instance.subject import INSTANCE_ARGUMENT, InstanceOperation, nodes_of, online, primary_of
from ganeti.operations.instance.synchronising import wait_for_sync
from ganeti.rpc.contract.instance import ResizeDisk
from ganeti.rpc.contract.node import DescribeNode
from ganeti.rpc.contract.storage import GrowDisk


@dataclass(frozen=True, slots=True)
class GrowDiskPlan:
    """``size``: the new size, MiB; ``nodes``: all that have a copy, the primary one first."""

    instance: Instance
    nodes: tuple[Node, ...]
    size: int
    running: bool


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    disk, amount = parse_number(values["disk"], "Disk"), parse_size(values["amount"], "Size")
    return {**values, "disk": disk, "amount": amount}


class InstanceGrowDisk(InstanceOperation[GrowDiskPlan], frozen=True, kw_only=True, tag="OP_INSTANCE_GROW_DISK"):
    """Grow a disk of an instance, also while it is running."""

    role: ClassVar[Role] = Role.ADMIN
    routes: ClassVar[tuple[Route, ...]] = (Route("POST", "/instances/{instance_name}/disk/{disk}/grow", body=True),)
    hook: ClassVar[Hook | None] = Hook("disk-grow", "INSTANCE")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-instance",
            "grow-disk",
            arguments=(
                INSTANCE_ARGUMENT,
                Argument("disk", "Number of the disk, from 0"),
                Argument("amount", "Amount to add, in MiB or with a unit; with --absolute, the new size"),
            ),
            usage="<instance-name> <disk> <size>",
            compose=_parameters,
        ),
    )

    disk: Annotated[DiskIndex, param("Number of the disk, from 0")]
    amount: Annotated[Size, param("Amount to add; with 'absolute', the new size")]
    absolute: Annotated[
        bool, param("Treat the size as the new size of the disk, not as the amount to add", "--absolute")
    ] = False
    wait_for_sync: Annotated[
        bool,
        param(
            "Wait for the added part of a mirrored disk to be in sync",
            "--no-wait-for-sync",
            off="Do not wait for the added part of a mirrored disk to be in sync",
        ),
    ] = True
    ignore_ipolicy: IgnorePolicy = False

    async def check(self, cluster: CheckContext) -> GrowDiskPlan:
        state = cluster.state
        instance = self.instance(state)
        nodes = tuple(online(node) for node in nodes_of(state, instance))
        size = self._size(instance)
        await ensure_nowhere(cluster, instance, but=nodes[:1])
        if not self.ignore_ipolicy:
            ensure_allowed(state, self._grown(instance, size))
        await self._ensure_space(cluster, instance, nodes, size)
        running, disk = await is_on(cluster, instance, nodes[0]), instance.disks[self.disk]
        if running and self._is_image(instance) and disk.mode == "ro":
            raise WrongState(
                f"disk/{self.disk} of {instance.name} is read-only and has format {disk.format}; it can grow while the "
                "instance is stopped"
            )
        return GrowDiskPlan(instance, nodes, size, running)

    def preview(self, state: State, plan: GrowDiskPlan) -> Preview:
        del state
        before = plan.instance.disks[self.disk].size
        where = " and ".join(node.name for node in plan.nodes)
        sizes = f"from {format_size(before)} to {format_size(plan.size)}"
        seen = ", which the running guest sees at once" if plan.running else ""
        return Preview((f"grow disk/{self.disk} of {plan.instance.name} {sizes} on {where}{seen}",))

    async def run(self, cluster: RunContext, plan: GrowDiskPlan) -> None:
        instance = plan.instance
        async with activated(cluster, instance, runs=plan.running):
            if plan.running and self._is_image(instance):
                # Only the hypervisor that has it open can grow it; the next steps see that it has.
                await self._tell_guest(cluster, self._grown(instance, plan.size))
            await self._grow(cluster, plan)
            instance = self._grown(cluster.state.get(Instance, instance.uuid), plan.size)
            await cluster.commit([instance])
            if plan.running:
                await self._tell_guest(cluster, instance)
            if self.wait_for_sync:
                await wait_for_sync(cluster, instance)

    async def recover(self, cluster: RunContext) -> None:
        """A running guest gets the size recorded by then; disks of a stopped one are deactivated."""
        instance = self.instance(cluster.state)
        if await is_on(cluster, instance, primary_of(cluster.state, instance)):
            await self._tell_guest(cluster, instance)
        else:
            await deactivate(cluster, instance)

    def hook_environment(self, state: State, plan: GrowDiskPlan) -> dict[str, str]:
        own = {"DISK": str(self.disk), "AMOUNT": str(self.amount), "ABSOLUTE": str(self.absolute)}
        return {**super().hook_environment(state, plan), **own}

    def _size(self, instance: Instance) -> int:
        """MiB."""
        if self.disk >= len(instance.disks):
            disks = f"disks 0 to {len(instance.disks) - 1}" if instance.disks else "no disks"
            raise WrongInput(f"Parameter 'disk': {instance.name} has {disks}, and no disk {self.disk}")
        present = instance.disks[self.disk].size
        wanted = self.amount if self.absolute else present + self.amount
        if wanted < present:
            raise WrongInput(
                f"Parameter 'amount': disk {self.disk} has {present} MiB and cannot shrink to {wanted} MiB"
            )
        return wanted

    def _is_image(self, instance: Instance) -> bool:
        return instance.disks[self.disk].format != "raw"

    def _grown(self, instance: Instance, size: int) -> Instance:
        grown = replace(instance.disks[self.disk], size=size)
        return evolve(instance, disks=(*instance.disks[: self.disk], grown, *instance.disks[self.disk + 1 :]))

    async def _ensure_space(
        self, cluster: CheckContext, instance: Instance, nodes: tuple[Node, ...], size: int
    ) -> None:
        """Checked so that no copy grows, which cannot be undone, if another would fail.

        For a disk with physical volumes of its own only the node knows what is free on them; one in a thin pool uses
        space when it is written to.
        """
        disk = instance.disks[self.disk]
        if has_own_spindles(cluster.state, instance) or disk.thin_pool:
            await ensure_pools(cluster, instance, made=[self.disk])
            return
        unit, more = unit_of(cluster.state.cluster, disk), size - disk.size
        if unit is None:
            return
        for node in nodes:
            report = await cluster.call(node, DescribeNode(hypervisors=(), storage=(unit,)))
            free = [space.free for space in report.storage]
            if free and free[0] < more:
                raise InsufficientResources(f"Node {node.name} has {free[0]} MiB free in {unit.key}, {more} are needed")

    async def _grow(self, cluster: RunContext, plan: GrowDiskPlan) -> None:
        cluster.step(f"growing disk {self.disk} of {plan.instance.name} to {plan.size} MiB")
        disk, peers = disks_of(cluster.state, plan.instance)[self.disk], peers_of(cluster.state, plan.instance.disks)
        grow, wipe = GrowDisk(disk=disk, size=plan.size, peers=peers), wiped(cluster, plan.instance)
        if is_mirrored(plan.instance):
            copies = replace(grow, copy=True, wipe=wipe)
            await gather(*(cluster.call(node, copies, prefix="   ") for node in plan.nodes))
            wipe = False  # each copy has been wiped
        await cluster.call(plan.nodes[0], replace(grow, wipe=wipe), prefix="   ")

    async def _tell_guest(self, cluster: RunContext, instance: Instance) -> None:
        disk, node = instance.disks[self.disk], primary_of(cluster.state, instance)
        if disk.mode == "rw":
            await cluster.call(node, ResizeDisk(guest=guest_of(cluster.state, instance), disk=disk.uuid))
            return
        # QEMU's block_resize does not accept read-only disks.
        cluster.warn(f"disk/{self.disk} is read-only; {instance.name} sees its new size when it is started next")
