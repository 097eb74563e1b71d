# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks about the node as such; nothing here changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import ganeti
from ganeti.errors import CheckFailed
from ganeti.model.guest import GuestNic
from ganeti.model.report import GuestEvent, Memory, NodeReport, Processors, Space
from ganeti.node.equipment import Equipment
from ganeti.node.events import event_of
from ganeti.node.membership import facts_digest
from ganeti.node.storage.directories import problems
from ganeti.rpc.contract import node
from ganeti.rpc.contract.node import Finding, Pong
from ganeti.rpc.server import Report

_OF_NODE = 1  # processors that guests are not counted on


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
        drivers = {name: with_us.hypervisor(name) for name in call.hypervisors}
        lists = [await driver.list() for driver in drivers.values()]
        return NodeReport(
            memory=self._memory(),
            processors=Processors(total, sockets, numa_nodes, _OF_NODE),
            space=dict(self._space(call.file_directories)),
            guests=tuple(guest for guests in lists for guest in guests),
            hypervisor_versions={name: await driver.version() for name, driver in drivers.items()},
            boot_id=with_us.machine.boot_id(),
            time=with_us.clock.now(),
            version=ganeti.VERSION,
        )

    async def verify(self, call: node.VerifyNode, report: Report) -> tuple[Finding, ...]:
        del report
        found = [*(await self._verify_hypervisors(call)), *self._verify_directories(call), *self._verify_facts(call)]
        found += await self._verify_bridges(call)
        found += await self._verify_peers(call)
        return tuple(found)

    async def watch(self, call: node.WatchNode, report: Report) -> None:
        """Until the caller hangs up."""
        del call
        with self._equipment.events.watching() as events:
            for driver in self._equipment.hypervisors.values():
                for guest in await driver.list():
                    report.event(event_of(guest))
            report.event(GuestEvent(""))
            while True:
                report.event(await events.get())

    def _memory(self) -> Memory:
        total, available = self._equipment.machine.memory()
        drivers = self._equipment.hypervisors.values()
        on_paper = sum(driver.memory() for driver in drivers if driver.on_paper)
        held = sum(driver.memory() for driver in drivers if not driver.on_paper)
        return Memory(total, max(available - on_paper, 0), max(total - available - held, 0))

    def _space(self, directories: tuple[str, ...]) -> Iterator[tuple[str, Space]]:
        for directory in directories:
            if found := self._equipment.machine.space(self._equipment.paths.under(directory)):
                yield directory, Space(*found)

    async def _verify_hypervisors(self, call: node.VerifyNode) -> list[Finding]:
        found = []
        for name, parameters in call.hypervisors.items():
            try:
                texts = await self._equipment.hypervisor(name).verify(parameters)
            except CheckFailed as error:
                texts = (error.message,)
            found += [Finding("ENODEHV", text) for text in texts]
        return found

    def _verify_directories(self, call: node.VerifyNode) -> Iterator[Finding]:
        for directory in call.file_directories:
            for problem in problems(self._equipment.paths, directory):
                yield Finding("ENODEFILESTORAGEPATHUNUSABLE", problem)

    def _verify_facts(self, call: node.VerifyNode) -> Iterator[Finding]:
        if call.ssconf_digest and call.ssconf_digest != facts_digest(self._equipment.paths):
            yield Finding("ENODEFILECHECK", "The ssconf files differ from the master's")

    async def _verify_bridges(self, call: node.VerifyNode) -> list[Finding]:
        found = []
        for bridge in call.bridges if self._equipment.networks else ():
            try:
                await self._equipment.networks["bridged"].check(GuestNic(uuid="", mac="", mode="bridged", link=bridge))
            except CheckFailed as error:
                found.append(Finding("ENODENET", error.message))
        return found

    async def _verify_peers(self, call: node.VerifyNode) -> list[Finding]:
        addresses = [(name, address) for name, all_of in call.peers.items() for address in all_of]
        machine, port = self._equipment.machine, self._equipment.port
        answers = await asyncio.gather(*(machine.reaches(address, port) for _, address in addresses))
        return [
            Finding("ENODENET", f"Node {name} cannot be reached at {address}, port {port}")
            for (name, address), answered in zip(addresses, answers, strict=True)
            if not answered
        ]
