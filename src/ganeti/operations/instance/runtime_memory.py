# SPDX-License-Identifier: BSD-2-Clause
"""Changing the memory of a running guest (ballooning)."""

from __future__ import annotations

from ganeti.errors import InsufficientResources, WrongInput, WrongState
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.model.entity import evolve
from ganeti.model.growth import plugged_memory
from ganeti.model.guest import Guest, guest_of
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.operations.instance.running import running_guest
from ganeti.operations.instance.subject import online, primary_of
from ganeti.rpc.contract.instance import DescribeGuest, SetMemory
from ganeti.rpc.contract.node import DescribeNode


async def ensure_memory_suits(cluster: CheckContext, instance: Instance, memory: int, *, force: bool) -> None:
    """Raise WrongState, WrongInput or InsufficientResources if the guest cannot have this much memory (MiB) now."""
    node = online(primary_of(cluster.state, instance))
    found = await cluster.call(node, DescribeGuest(name=instance.name, hypervisor=instance.hypervisor))
    if found is None or found.state.ended:
        raise WrongState(
            f"Parameter 'runtime_mem': {instance.name} does not run; -B maxmem= sets what it has from its next start on"
        )
    if not found.state.runs:
        raise WrongState(f"Parameter 'runtime_mem': {instance.name} is {found.state.because(found.reason)}")
    guest = guest_of(cluster.state.changed([instance]), instance)
    runs = await running_guest(cluster, node, guest)
    least, most = guest.beparams.minmem + plugged_memory(runs), runs.beparams.maxmem
    if not least <= memory <= most:
        raise WrongInput(
            f"Parameter 'runtime_mem': {memory} MiB; {instance.name} has from {least} MiB {_bound(runs)} to {most} MiB "
            "(maxmem, with which it was started)"
        )
    more = memory - found.memory
    if more > 0 and not force:
        report = await cluster.call(node, DescribeNode(hypervisors=(instance.hypervisor,)))
        if report.memory.free < more:
            raise InsufficientResources(
                f"Node {node.name} has {report.memory.free} MiB of free memory, {more} MiB more are needed; --force "
                "gives them nevertheless"
            )


def _bound(runs: Guest) -> str:
    plugged = plugged_memory(runs)
    return f"(minmem, and {plugged} MiB that were plugged in)" if plugged else "(minmem)"


async def set_memory(cluster: RunContext, instance: Instance, memory: int) -> None:
    """Give a running guest this much memory (MiB); warn if it does not give back, or take, all of the difference."""
    node, guest = primary_of(cluster.state, instance), guest_of(cluster.state, instance)
    cluster.step(f"changing the memory of {instance.name} to {memory} MiB while it runs")
    now = await cluster.call(node, SetMemory(guest=guest, memory=memory))
    if now != memory:
        cluster.warn(
            f"{instance.name} has {now} MiB by now, and moves no further; has it the driver virtio_balloon, and "
            "memory that it can do without?"
        )


async def with_memory_for(cluster: CheckContext, node: Node, guest: Guest) -> Guest:
    """A running guest with its memory reduced to what a node has free, if that is necessary and minmem allows it."""
    least, has = guest.beparams.minmem + plugged_memory(guest), guest.memory_now
    if least >= has:
        return guest
    free = (await cluster.call(node, DescribeNode(hypervisors=(guest.hypervisor,)))).memory.free
    return evolve(guest, memory=free) if least <= free < has else guest


async def reduce_memory(cluster: RunContext, node: Node, guest: Guest, target: Node) -> None:
    """Reduce a running guest to ``guest.memory_now``, which ``target`` has free. Raises WrongState if it keeps more."""
    memory = guest.memory_now
    cluster.step(f"reducing the memory of {guest.name} to {memory} MiB, which {target.name} has free")
    now = await cluster.call(node, SetMemory(guest=guest, memory=memory))
    if now > memory:
        raise WrongState(
            f"{guest.name} gives back no more of its memory than to {now} MiB, and {target.name} has {memory} MiB free"
        )
