# SPDX-License-Identifier: BSD-2-Clause
"""Memory that a running guest gets and gives back (QEMU's docs/system/devices/virtio/virtio-mem).

A machine with room for it has one device of virtio-mem, which is empty when the guest starts. QEMU tells the guest how
much of it is to be used, and the guest's driver takes or releases it. Ballooning works on the other memory alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganeti.errors import HypervisorFailed
from ganeti.model.entity import evolve
from ganeti.model.growth import base_memory, room_for_memory
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.devices import device, option
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused
from ganeti.node.hypervisor.kvm.standstill import reaches

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine

_NAME = "memory1"
_KIND = "virtio-mem-pci"
_BLOCK = 128  # MiB; Linux only uses a device in whole blocks of memory

_MIB = 1024**2


def device_size(plan: LaunchPlan) -> int:
    """MiB; 0 if the machine has none."""
    return -(-room_for_memory(plan.guest) // _BLOCK) * _BLOCK


def memory_device(plan: LaunchPlan, board: Board) -> list[str]:
    """Raises WrongInput where that is not supported."""
    if not (size := device_size(plan)):
        return []
    if plan.parameters.mem_path:
        raise refused("max_memory", "memory cannot be plugged into a guest with huge pages (mem_path)")
    if _KIND not in plan.qemu.devices:
        raise refused("max_memory", f"QEMU {plan.qemu.version_text} on this node has no device '{_KIND}'")
    made = device(_KIND, {"id": _NAME, "memdev": _NAME}, board.express(_NAME))
    return ["-object", f"memory-backend-ram,id={_NAME},size={size}M,reserve=off", *option(made)]


class PluggedMemory:
    """That of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def size(self) -> int:
        """What the guest uses of it, MiB."""
        return (await self._state("size")) if room_for_memory(self._machine.record.guest) else 0

    async def set(self, maxmem: int) -> None:
        """Plug or unplug until the guest has so much, MiB.

        Raises HypervisorFailed if it does not take or release all; then it is asked for what it had.
        """
        guest = self._machine.record.guest
        base = base_memory(guest)
        try:
            await self._reach(maxmem - base)
        except BaseException:
            await asyncio.shield(self._request(guest.beparams.maxmem - base))
            raise
        await self.take_stock()

    async def take_stock(self) -> None:
        """Record what it has, unless it is still to arrive with that."""
        guest = self._machine.record.guest
        if not room_for_memory(guest) or self._machine.record.phase == "incoming":
            return
        base, requested = base_memory(guest), await self._state("requested-size")
        maxmem = base + requested
        if maxmem == guest.beparams.maxmem:
            return
        memory = await self._machine.measure()
        guest = self._machine.record.guest
        self._machine.keep(
            evolve(
                guest,
                beparams=evolve(guest.beparams, maxmem=maxmem),
                base_memory=base if requested else None,
                memory=memory if memory != maxmem else None,
            )
        )

    async def _reach(self, size: int) -> None:
        before = await self.size()
        with self._machine.monitor.listening("MEMORY_DEVICE_SIZE_CHANGE") as changes:
            await self._request(size)
            if not await reaches(size, self.size, changes):
                now = await self.size()
                done = f"{'taken' if size > before else 'released'} {abs(now - before)} of {abs(size - before)} MiB"
                raise HypervisorFailed(
                    f"Instance {self._machine.name} has {done} of memory and no more; is its system up, has it the "
                    "driver virtio_mem, and can it do without?"
                )

    async def _request(self, size: int) -> None:
        path = f"/machine/peripheral/{_NAME}"
        await self._machine.execute("qom-set", path=path, property="requested-size", value=size * _MIB)

    async def _state(self, name: str) -> int:
        """MiB."""
        found: list[Mapping[str, Any]] = await self._machine.execute("query-memory-devices")
        return next(int(one["data"][name]) // _MIB for one in found if one["data"].get("id") == _NAME)
