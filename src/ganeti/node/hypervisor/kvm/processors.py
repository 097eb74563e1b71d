# SPDX-License-Identifier: BSD-2-Clause
"""Hotplugging of virtual CPUs.

A machine has places for ``max_vcpus``. The first of them are in use, with which it is started and migrated, however
they came to be in use: so their number is all that has to be known. The first CPU always stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganeti.errors import HypervisorFailed
from ganeti.model.entity import evolve
from ganeti.model.growth import plugged_parameters
from ganeti.node.hypervisor.kvm.monitor import Event

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine

_RELEASE = 20.0  # seconds for a guest to release a CPU
_ORDER = ("socket-id", "die-id", "core-id", "thread-id")

# ACPI's _OST: the source that answers a request to eject, and those of its answers that are no refusals.
_EJECTING = 3
_DONE_OR_UNDER_WAY = (0, 0x84)


class Processors:
    """Those of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def set(self, vcpus: int) -> None:
        """Plug or unplug until there are so many. Raises HypervisorFailed; what is done by then stays."""
        while len(_used(places := await self._places())) < vcpus:
            free = next((place for place in places if "qom-path" not in place), None)
            if free is None:
                raise HypervisorFailed(
                    f"The machine of instance {self._machine.name} has {len(places)} places for CPUs"
                )
            await self._machine.execute("device_add", driver=free["type"], **free["props"])
            await self.take_stock()
        while len(used := _used(await self._places())) > vcpus:
            await self._unplug(used[-1]["qom-path"])
            await self.take_stock()

    async def take_stock(self) -> None:
        """Record how many it has."""
        if not plugged_parameters(self._machine.record.guest, ("vcpus",)):
            return
        found = len(_used(await self._places()))
        guest = self._machine.record.guest
        self._machine.keep(evolve(guest, beparams=evolve(guest.beparams, vcpus=found)))

    async def _places(self) -> list[Mapping[str, Any]]:
        """All of the machine, in the order in which they are used."""
        found: list[Mapping[str, Any]] = await self._machine.execute("query-hotpluggable-cpus")
        return sorted(found, key=lambda place: [place["props"].get(name, 0) for name in _ORDER])

    async def _unplug(self, path: str) -> None:
        name = self._machine.name
        # Of a CPU itself QEMU tells nothing when it is gone, of a part of it DEVICE_DELETED.
        with self._machine.monitor.listening("DEVICE_DELETED", "ACPI_DEVICE_OST") as events:
            await self._machine.execute("device_del", id=path)
            try:
                async with asyncio.timeout(_RELEASE):
                    while path in [place["qom-path"] for place in _used(await self._places())]:
                        event: Event = await events.get()
                        if _refuses(event["data"].get("info", {})):
                            raise HypervisorFailed(f"Instance {name} refuses to release a virtual CPU")
            except TimeoutError:
                raise HypervisorFailed(
                    f"Instance {name} has not released a virtual CPU within {_RELEASE:.0f} seconds, and keeps it; is "
                    "its system up, and can it do without?"
                ) from None


def _used(places: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [place for place in places if "qom-path" in place]


def _refuses(info: Mapping[str, Any]) -> bool:
    return info.get("slot-type") == "CPU" and info["source"] == _EJECTING and info["status"] not in _DONE_OR_UNDER_WAY
