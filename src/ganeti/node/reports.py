# SPDX-License-Identifier: BSD-2-Clause
"""The master's queries about the node itself; nothing here changes anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import ganeti
from ganeti.errors import EnvironmentUnfit, in_words
from ganeti.model.cpu import CpuModels
from ganeti.model.report import GuestEvent, NodeReport, Processors, RunningGuest, Space
from ganeti.model.template import StorageUnit
from ganeti.node.equipment import Equipment
from ganeti.node.events import event_of
from ganeti.rpc.contract import node
from ganeti.rpc.contract.node import Pong
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_AGAIN = 30.0  # seconds until listing the guests of a hypervisor is tried again
_OF_NODE = 1  # processors that count as the node's own


class Reports:
    """Handlers of ``rpc/contract/node.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def ping(self, call: node.Ping, report: Report) -> Pong:
        del call, report
        return Pong(self._equipment.name, ganeti.VERSION, self._equipment.clock.now())

    async def delay(self, call: node.DelayNode, report: Report) -> None:
        del report
        await asyncio.sleep(call.seconds)

    async def describe(self, call: node.DescribeNode, report: Report) -> NodeReport:
        del report
        with_us = self._equipment
        total, sockets, numa_nodes = with_us.machine.processors()
        guests, versions, unknown = await self._hypervisors(call.hypervisors)
        return NodeReport(
            memory=self._equipment.memory(),
            processors=Processors(total, sockets, numa_nodes, _OF_NODE),
            storage=await self._storage(call.storage),
            guests=guests,
            hypervisor_versions=versions,
            boot_id=with_us.machine.boot_id(),
            time=with_us.clock.now(),
            version=ganeti.VERSION,
            unknown=unknown,
        )

    async def cpu_models(self, call: node.TellCpuModels, report: Report) -> CpuModels:
        del report
        return await self._equipment.hypervisor(call.hypervisor).cpu_models(call.parameters)

    async def check_address(self, call: node.CheckAddress, report: Report) -> None:
        del report
        if not self._equipment.machine.holds(call.address):
            raise EnvironmentUnfit(f"node {self._equipment.name} has no address {call.address}")

    async def watch(self, call: node.WatchNode, report: Report) -> None:
        """Until the caller hangs up.

        A hypervisor whose guests cannot be listed does not affect others, and is tried again.
        """
        del call
        loop = asyncio.get_running_loop()
        with self._equipment.events.watching() as events:
            unknown = await self._tell_guests(self._equipment.hypervisors, report)
            again = loop.time() + _AGAIN
            while True:
                try:
                    async with asyncio.timeout_at(again if unknown else None):
                        report.event(await events.get())
                except TimeoutError:
                    unknown = await self._tell_guests(unknown, report)
                    again = loop.time() + _AGAIN

    async def _tell_guests(self, names: Iterable[str], report: Report) -> tuple[str, ...]:
        """Report the guests of some hypervisors, then the failed hypervisors, which are also returned."""
        unknown: list[str] = []
        for name in names:
            try:
                guests = await self._equipment.hypervisor(name).list()
            except Exception:  # noqa: BLE001 - the others' guests must be known, whatever it is
                _log.exception("The guests of hypervisor %s could not be listed", name)
                unknown.append(name)
                continue
            for guest in guests:
                report.event(event_of(guest))
        report.event(GuestEvent("", unknown=tuple(unknown)))
        return tuple(unknown)

    async def _hypervisors(
        self, names: tuple[str, ...]
    ) -> tuple[tuple[RunningGuest, ...], dict[str, str], dict[str, str]]:
        """(guests of all, versions by name, errors by name): one that fails does not affect others."""
        guests: tuple[RunningGuest, ...] = ()
        versions, unknown = {}, {}
        for name in names:
            try:
                driver = self._equipment.hypervisor(name)
                guests += await driver.list()
                versions[name] = await driver.version()
            except Exception as error:  # noqa: BLE001 - the others' report must go out, whatever it is
                _log.exception("The guests of hypervisor %s could not be listed", name)
                unknown[name] = in_words(error)
        return guests, versions, unknown

    async def _storage(self, units: tuple[StorageUnit, ...]) -> tuple[Space, ...]:
        """All at once, since each may have to ask a program or a server."""
        spaces = await asyncio.gather(*(self._equipment.storage(unit.template).space(unit) for unit in units))
        return tuple(space for space in spaces if space)
