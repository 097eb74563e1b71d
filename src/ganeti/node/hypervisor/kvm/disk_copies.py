# SPDX-License-Identifier: BSD-2-Clause
"""The content of disks is copied to other ones while their guest runs (QEMU's docs/interop/live-block-operations).

To disks of the same node the guest is switched over as soon as they are the same; to those of another node it takes the
content with it.

The target's QEMU serves the new disks by the NBD protocol, encrypted with the key of the migration; the source's copies
what is on each of its own there, holes as holes. Once that is done, every write of the guest goes to both before it is
acknowledged, until the guest is stopped at the end of its migration: then both are the same.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace
from qemu.qmp import EventListener

from ganeti.declare.text import format_size
from ganeti.errors import EnvironmentUnfit, HypervisorFailed
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.node.hypervisor.kvm import block_nodes
from ganeti.node.hypervisor.kvm.devices import disk_name
from ganeti.node.hypervisor.kvm.drives import block_node
from ganeti.node.hypervisor.kvm.encryption import KEY
from ganeti.node.hypervisor.kvm.machine import Machine
from ganeti.node.hypervisor.kvm.plan import LaunchPlan
from ganeti.node.storage.driver import OpenDisk
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

STANDSTILL = 20.0  # seconds in which nothing arrives, after which the connection counts as lost
_OPENING = 5  # seconds for the connection to be made, in which QEMU does nothing else if the target is silent
_PROGRESS = 0.5  # seconds between reports
_ENDING = 10.0  # seconds for copies to be ended; the guest stands still meanwhile
_CONNECTIONS = 64
_MIB = 1024**2
_COPY = "copy-"  # the names of copies and of the jobs that make them begin with it
_NEWS = ("BLOCK_JOB_READY", "BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED", "JOB_STATUS_CHANGE")
_LISTENER = "copies"


async def receive(machine: Machine, address: str, ports: Sequence[int]) -> str:
    """Have a QEMU that was started for a migration serve its disks; returns where, as HOST:PORT."""
    with _listening(address, ports) as listener:
        await machine.monitor.hand_over(listener.fileno(), _LISTENER)
        port = listener.getsockname()[1]
    place = {"type": "fd", "data": {"str": _LISTENER}}
    await machine.execute("nbd-server-start", addr=place, tls_creds=KEY, max_connections=_CONNECTIONS)
    for disk in machine.record.guest.disks:
        name = disk_name(disk)
        await machine.execute("block-export-add", type="nbd", id=name, node_name=name, name=name, writable=True)
    return f"{address}:{port}"


async def received(machine: Machine) -> None:
    """The guest has arrived, and has its disks alone, opened as its parameters say."""
    if await machine.execute("query-block-exports"):
        await machine.execute("nbd-server-stop")
    if options := machine.record.reopened:
        try:
            await machine.execute("blockdev-reopen", options=list(options))
        except HypervisorFailed as error:
            _log.warning("Instance %s: what it discards is discarded until its next start: %s", machine.name, error)


async def send(machine: Machine, target: str, bandwidth: int, report: Report) -> None:
    """Send all disks, one after the other, at ``bandwidth`` MiB a second at most; then writes go to both.

    ``target``: what ``receive`` has returned.
    """
    host, _, port = target.rpartition(":")
    for index, disk in enumerate(machine.record.guest.disks):
        report.log(f"Sending disk/{index} ({format_size(disk.size)}) while the guest runs")
        await machine.execute(
            "blockdev-add",
            driver="nbd",
            node_name=_copy(disk),
            server={"type": "inet", "host": host, "port": port},
            export=disk_name(disk),
            tls_creds=KEY,
            open_timeout=_OPENING,
            discard="unmap",  # or holes would be filled with zeros there
            detect_zeroes="unmap",
        )
        nodes = await block_nodes.behind(machine, disk_name(disk)), _copy(disk)
        await _mirror(machine, disk, nodes, bandwidth, report)


async def relocate(machine: Machine, plan: LaunchPlan, disk: OpenDisk, bandwidth: int, report: Report) -> None:
    """Copy the content of the disk with the same UUID, which the guest has, and have it use ``disk`` instead."""
    await abandon(machine)  # of an earlier attempt
    here = await block_nodes.behind(machine, disk_name(disk.disk))
    (there,) = set(block_nodes.names(disk_name(disk.disk))) - {here}
    options = block_node(plan, disk, there)
    filled = dataclasses.replace(plan, parameters=replace(plan.parameters, disk_discard="unmap"))
    report.log(f"Copying {disk.disk.called} ({format_size(disk.disk.size)}) while the guest runs")
    try:
        await machine.execute("blockdev-add", **block_node(filled, disk, there))
        await _mirror(machine, disk.disk, (here, there), bandwidth, report)
        machine.note_moving({there: disk.disk})
        with machine.monitor.listening(*_NEWS) as events:
            await machine.execute("job-complete", id=_copy(disk.disk))
            await _until_none(machine, events)
        for failed in _failed(events):
            raise failure(machine, failed)
    except BaseException:
        await asyncio.shield(abandon(machine))
        raise
    await take_note(machine)
    try:
        await _close(machine)
        await machine.execute("blockdev-reopen", options=[options])
    except HypervisorFailed as error:  # it uses the new one, whatever is left of the old one
        _log.warning("Instance %s: %s", machine.name, error)


async def take_note(machine: Machine) -> None:
    """Record which of the disks that it was to move to the guest has."""
    if not machine.record.moving:
        return
    guest, used = machine.record.guest, await block_nodes.in_use(machine)
    has = {disk.uuid: disk for name, disk in machine.record.moving.items() if name in used}
    machine.keep(evolve(guest, disks=tuple(has.get(disk.uuid, disk) for disk in guest.disks)))
    machine.note_moving({})


async def end(machine: Machine) -> None:
    """The guest is stopped: end all copies, which are complete. Raises HypervisorFailed if one is not."""
    with machine.monitor.listening(*_NEWS) as events:
        made = await _jobs(machine)
        if {job["device"] for job in made} != {_copy(disk) for disk in machine.record.guest.disks}:
            raise HypervisorFailed(f"The disks of instance {machine.name} are no longer being copied")
        for job in made:
            await machine.execute("block-job-cancel", device=job["device"])
        await _until_none(machine, events)
    for failed in _failed(events):
        raise failure(machine, failed)
    await _close(machine)


async def abandon(machine: Machine) -> None:
    """Give up all copies that are being made; the guest has its own disks alone, whether the others answer or not."""
    await cut(machine)
    if not await are_being_made(machine):
        return
    with machine.monitor.listening(*_NEWS) as events:
        for job in await _jobs(machine):
            with suppress(HypervisorFailed):  # it ends by itself when its connection is gone
                await machine.execute("block-job-cancel", device=job["device"], force=True)
        await _until_none(machine, events)
    await take_note(machine)
    await _close(machine)


async def cut(machine: Machine, *, memory: bool = False) -> None:
    """Cut the connections to other nodes that copies go over, and (``memory``) that of the migration.

    QEMU may be waiting for one of them and do nothing else meanwhile (seen with 7.2).
    """
    found = await machine.monitor.execute_at_once("query-yank")
    cutting = [
        one for one in found if one.get("node-name", "").startswith(_COPY) or (memory and "migration" in one.values())
    ]
    if cutting:
        await machine.monitor.execute_at_once("yank", instances=cutting)


async def are_being_made(machine: Machine) -> bool:
    return bool(await _nodes(machine) or machine.record.moving)


def failure(machine: Machine, told: Mapping[str, Any]) -> HypervisorFailed:
    """The error for what QEMU told of a copy that has ended."""
    names = [_copy(disk) for disk in machine.record.guest.disks]
    which = f"disk/{names.index(told['device'])}" if told["device"] in names else "A disk"
    why = told.get("error", "it was cancelled")
    return HypervisorFailed(f"{which} of instance {machine.name} could not be copied: {why}")


async def _mirror(machine: Machine, disk: Disk, nodes: tuple[str, str], bandwidth: int, report: Report) -> None:
    """From one block node to the other, until all has been copied; from then on writes go to both."""
    name, loop = _copy(disk), asyncio.get_running_loop()
    with machine.monitor.listening(*_NEWS) as events:
        await machine.execute(
            "blockdev-mirror",
            job_id=name,
            device=nodes[0],
            target=nodes[1],
            sync="full",
            copy_mode="write-blocking",
            speed=bandwidth * _MIB,
        )
        copied, moved = -1, loop.time()
        while True:
            job = next((job for job in await _jobs(machine) if job["device"] == name), None)
            if job is None:
                raise failure(machine, next(_failed(events), {"device": name}))
            report.progress(job["offset"] / _MIB, job["len"] / _MIB, "MiB")
            if job["ready"]:
                return
            if job["offset"] != copied:
                copied, moved = job["offset"], loop.time()
            elif loop.time() - moved > STANDSTILL:
                why = f"nothing of it has arrived for {STANDSTILL:.0f} seconds"
                raise failure(machine, {"device": name, "error": why})
            await _news(events)


async def _until_none(machine: Machine, events: EventListener) -> None:
    deadline = asyncio.get_running_loop().time() + _ENDING
    while await _jobs(machine):
        if asyncio.get_running_loop().time() > deadline:
            raise HypervisorFailed(f"QEMU of instance {machine.name} does not end the copying of its disks")
        await _news(events)


async def _news(events: EventListener) -> None:
    """Wait for the next event, or until it is time for a report."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PROGRESS):
            await events.get()


def _failed(events: EventListener) -> Iterator[Mapping[str, Any]]:
    told: Iterator[Any] = (event["data"] for event in events.history)
    return (data for data in told if "error" in data)


async def _close(machine: Machine) -> None:
    for node in await _nodes(machine):
        await machine.execute("blockdev-del", node_name=node)


async def _jobs(machine: Machine) -> list[dict[str, Any]]:
    return [job for job in await machine.execute("query-block-jobs") if job["device"].startswith(_COPY)]


async def _nodes(machine: Machine) -> list[str]:
    """The block nodes of copies that no device of the guest uses."""
    disks = machine.record.guest.disks
    ours = {name for disk in disks for name in block_nodes.names(disk_name(disk))} - await block_nodes.in_use(machine)
    return [name for name in await block_nodes.present(machine) if name.startswith(_COPY) or name in ours]


def _copy(disk: Disk) -> str:
    return disk_name(disk).replace("disk-", _COPY)


def _listening(address: str, ports: Sequence[int]) -> socket.socket:
    """On the first port that is free. Raises EnvironmentUnfit."""
    for port in ports:
        try:
            return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        except OSError as error:
            why = error.strerror
    raise EnvironmentUnfit(f"None of the ports {ports[0]} to {ports[-1]} can be used at {address}: {why}")
