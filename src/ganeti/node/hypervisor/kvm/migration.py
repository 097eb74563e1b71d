# SPDX-License-Identifier: BSD-2-Clause
"""Moving a running guest to another QEMU (QEMU's docs/devel/migration).

The QEMU of another node listens on a TCP port, one on this node has the other end of a pair of sockets. The source's
sends the guest's memory while it runs, to another node encrypted, and pauses it for the rest. Disks that another node
cannot access are copied before that (``disk_copies``). QEMU signals completion
by an event; nothing here polls.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace
from qemu.qmp import EventListener

from ganeti.errors import HypervisorFailed
from ganeti.model.guest_state import GuestState
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm import disk_copies
from ganeti.node.hypervisor.kvm.capabilities import Capabilities
from ganeti.node.hypervisor.kvm.encryption import do_without, encrypt, forget_key, new_key
from ganeti.node.hypervisor.kvm.machine import Machine
from ganeti.node.hypervisor.kvm.plan import refused
from ganeti.rpc.contract.instance import Activity, Incoming, Migrated
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_MIB = 1024**2
_UNLIMITED = 1024**4  # bytes a second
_PORTS = 100  # number of ports tried, from ``migration_port`` on
_PROGRESS = 0.5  # seconds between reports
_CANCELLING = 10.0  # seconds
_ARRIVING = 30.0  # seconds from the source's last event to the target's
_MEASURING = 1  # seconds
_LOOKS = 40  # four a second
_HARD_PASSES = 10  # rounds through the memory after which the user is told that the guest is too busy
_LOST_PASSES = 30  # rounds in which it came no nearer to its end, after which it is given up
_POSTCOPY_PASS = 2  # gnt-instance(8), migration_caps

_ALWAYS = ("events", "return-path")
_POSTCOPY = "postcopy-ram"
_PAIR = "renewal"  # as QEMU calls its end of a pair of sockets
_HELD = "pause-before-switchover"  # when the guest is stopped, QEMU waits until its disks are complete


def capabilities(wanted: KvmParameters, qemu: Capabilities) -> tuple[str, ...]:
    """The capabilities to enable on both ends. Raises WrongInput for one that QEMU does not have."""
    names = tuple(name for name in wanted.migration_caps.split(":") if name)
    for name in names:
        if name not in qemu.migration:
            known = ", ".join(sorted(qemu.migration))
            raise refused("migration_caps", f"QEMU {qemu.version_text} has no capability '{name}'; it has {known}")
    return (*_ALWAYS, *names)


async def await_incoming(
    machine: Machine, names: tuple[str, ...], wanted: KvmParameters, address: str, *, disks: bool
) -> Incoming:
    """Let a QEMU started for a migration listen; returns where to send the guest.

    ``disks``: the content of its disks is sent too.
    """
    await _switch_on(machine, names)
    key = new_key()
    await encrypt(machine, wanted, key, "server")
    host = f"[{address}]" if ":" in address else address
    first = wanted.migration_port
    last = min(first + _PORTS, 65535)
    await machine.execute("migrate-incoming", uri=f"tcp:{host}:{first},to={last}")
    answer = await machine.execute("query-migrate")
    copies = await disk_copies.receive(machine, address, range(first, last + 1)) if disks else ""
    return Incoming(f"tcp:{host}:{answer['socket-address'][0]['port']}", key, copies)


async def connect(old: Machine, new: Machine, names: tuple[str, ...]) -> Incoming:
    """Let a QEMU take a guest from another one on this node; returns where that has to send it."""
    await _switch_on(new, names)
    near, far = socket.socketpair()
    with near, far:
        await old.monitor.hand_over(near.fileno(), _PAIR)
        await new.monitor.hand_over(far.fileno(), _PAIR)
    await new.execute("migrate-incoming", uri=f"fd:{_PAIR}")
    return Incoming(f"fd:{_PAIR}")


async def send(
    machine: Machine, names: tuple[str, ...], wanted: KvmParameters, incoming: Incoming, report: Report, *, live: bool
) -> Migrated:
    """Send a guest. After any failure or cancellation it keeps running here.

    If not ``live``, it is paused meanwhile, and sent as fast as the network allows.
    """
    await disk_copies.abandon(machine)  # of an earlier attempt
    await _switch_on(machine, names, held=bool(incoming.disks))
    if incoming.key:
        await encrypt(machine, wanted, incoming.key, "client")
    else:
        await do_without(machine)
    await machine.execute(
        "migrate-set-parameters",
        max_bandwidth=wanted.migration_bandwidth * _MIB if live else _UNLIMITED,
        downtime_limit=wanted.migration_downtime,
    )
    with machine.monitor.listening("STOP", "MIGRATION", "MIGRATION_PASS", "BLOCK_JOB_COMPLETED") as events:
        try:
            if incoming.disks:
                await disk_copies.send(machine, incoming.disks, wanted.migration_bandwidth, report)
                report.log("Sending the memory")
            if not live:
                await machine.execute("stop")
            await machine.execute("migrate", uri=incoming.uri)
            progress = asyncio.create_task(_report_progress(machine, report, watched=bool(incoming.disks)))
            try:
                stopped, completed = await _until_completed(machine, events, names, report)
            finally:
                progress.cancel()
        except BaseException:
            await asyncio.shield(stay(machine))
            raise
    await machine.refresh()  # QEMU tells no event of it
    done = await result(machine, completed)
    if not live:  # QEMU only measures from its own stop, and sometimes not at all
        downtime = completed - stopped
        done = replace(done, downtime=downtime, total=max(done.total, downtime))
    report.progress(done.transferred, done.transferred, "MiB")
    return done


async def activity(machine: Machine, *, paused: bool) -> Activity:
    """What a guest does with its memory, by samples of its pages (QEMU's calc-dirty-rate).

    QEMU looks at no block of memory of less than 128 MiB; what such a guest changes is not known.
    """
    memory = (await machine.execute("query-memory-size-summary"))["base-memory"] / _MIB
    if paused:
        return Activity(memory, paused=True)
    await machine.execute("calc-dirty-rate", **{"calc-time": _MEASURING})
    for _ in range(_LOOKS):  # QEMU tells no event of it
        await asyncio.sleep(_MEASURING / 4)
        found = await machine.execute("query-dirty-rate")
        if found["status"] == "measured":
            return Activity(memory, found["dirty-rate"])
    raise HypervisorFailed(f"QEMU of instance {machine.name} does not measure how much of its memory the guest changes")


async def has_left(machine: Machine) -> bool:
    """Whether the guest has been sent completely."""
    # An incoming migration is "completed" too.
    told = await machine.execute("query-migrate")
    return told.get("status") == "completed" and await machine.refresh() is GuestState.MIGRATED


async def is_held(machine: Machine) -> bool:
    """Whether a migration with copies of disks is under way, which only the node daemon that began it can finish."""
    if await disk_copies.are_being_made(machine):
        return True
    told = await machine.execute("query-migrate")
    return bool(told.get("status") == "pre-switchover")


async def result(machine: Machine, completed: float) -> Migrated:
    """QEMU's statistics of a finished migration."""
    told = await machine.execute("query-migrate")
    return Migrated(
        downtime=told.get("downtime", 0) / 1000,
        total=told.get("total-time", 0) / 1000,
        transferred=told.get("ram", {}).get("transferred", 0) / _MIB,
        completed=completed,
    )


async def arrive(machine: Machine) -> None:
    """Wait until a migrated guest has arrived, and let it run."""
    await until_arrived(machine)
    forget_key(machine)
    if machine.state is not GuestState.RUNNING:
        await machine.resume()


async def until_arrived(machine: Machine) -> None:
    with machine.monitor.listening("MIGRATION", "RESUME", "STOP") as events:
        try:
            async with asyncio.timeout(_ARRIVING):
                while await machine.refresh() is GuestState.INCOMING:
                    await _next(machine, events)
        except TimeoutError:
            raise HypervisorFailed(f"Instance {machine.name} has not arrived") from None


async def take_back(machine: Machine) -> None:
    """Let a guest continue here that was to leave, or has left, for another QEMU on this node, which has ended."""
    await stay(machine)
    if machine.state is GuestState.MIGRATED:
        await machine.resume()


async def _switch_on(machine: Machine, names: tuple[str, ...], *, held: bool = False) -> None:
    states: list[dict[str, Any]] = [{"capability": name, "state": True} for name in names]
    states.append({"capability": _HELD, "state": held})
    await machine.execute("migrate-set-capabilities", capabilities=states)


async def _until_completed(
    machine: Machine, events: EventListener, names: tuple[str, ...], report: Report
) -> tuple[float, float]:
    """When the guest was last paused, and when QEMU signalled completion, in seconds since the epoch."""
    stopped, nearest, nearer = 0.0, math.inf, 0
    while True:
        event = await _next(machine, events)
        status = _status(event)
        if event["event"] == "STOP":
            stopped = _moment(event)
        if status == "completed":
            return stopped, _moment(event)
        if status == "pre-switchover":
            await disk_copies.end(machine)
            await machine.execute("migrate-continue", state=status)
        if event["event"] == "BLOCK_JOB_COMPLETED" and "error" in event["data"]:
            raise disk_copies.failure(machine, event["data"])
        if status in ("failed", "cancelled"):
            told = await machine.execute("query-migrate")
            why = told.get("error-desc", f"it was {status}")
            raise HypervisorFailed(f"Instance {machine.name} could not be migrated: {why}")
        if event["event"] == "MIGRATION_PASS":
            number = event["data"]["pass"]
            await _after_pass(machine, number, names, report)
            ram = (await machine.execute("query-migrate")).get("ram", {})
            if ram.get("remaining", 0) < nearest:
                nearest, nearer = ram.get("remaining", 0), number
            elif number - nearer >= _LOST_PASSES and _POSTCOPY not in names:
                raise HypervisorFailed(_endless(machine.name, ram))


def _endless(name: str, ram: Mapping[str, Any]) -> str:
    changed = ram.get("dirty-pages-rate", 0) * ram.get("page-size", 4096) / _MIB
    sent = ram.get("mbps", 0) / 8
    return (
        f"Instance {name} changes {changed:.0f} MiB of its memory a second, and {sent:.0f} MiB/s are sent: the "
        f"migration came no nearer to its end in {_LOST_PASSES} passes and was given up; it goes on running here. "
        "A higher migration_bandwidth or migration_downtime helps, auto-converge or postcopy-ram in migration_caps, "
        "or --non-live"
    )


async def _next(machine: Machine, events: EventListener) -> Mapping[str, Any]:
    """The next event. Raises HypervisorFailed if QEMU ends instead."""
    getting = asyncio.ensure_future(events.get())
    either: list[asyncio.Future[Any]] = [getting, machine.monitor.closed]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            raise HypervisorFailed(f"QEMU of instance {machine.name} ended during the migration")
        return getting.result()
    finally:
        getting.cancel()


def _moment(event: Mapping[str, Any]) -> float:
    at = event["timestamp"]
    return float(at["seconds"] + at["microseconds"] / 1e6)


def _status(event: Mapping[str, Any]) -> str:
    return str(event["data"]["status"]) if event["event"] == "MIGRATION" else ""


async def _after_pass(machine: Machine, number: int, names: tuple[str, ...], report: Report) -> None:
    """``number`` counts QEMU's rounds through the guest's memory."""
    if number == _POSTCOPY_PASS and _POSTCOPY in names:
        report.log("The rest of the memory follows the guest (postcopy)")
        await machine.execute("migrate-start-postcopy")
    elif number % _HARD_PASSES == 0:
        report.log(
            "The guest changes its memory faster than it is sent; a higher migration_bandwidth or "
            "migration_downtime, or the capability auto-converge in migration_caps, helps"
        )


async def _report_progress(machine: Machine, report: Report, *, watched: bool) -> None:
    """``watched``: end a migration that stands still, since a guest whose writes are sent stands still with it."""
    loop, last = asyncio.get_running_loop(), 0
    moved = loop.time()
    with suppress(HypervisorFailed):
        while True:
            ram: Mapping[str, Any] = {}
            with suppress(TimeoutError):
                async with asyncio.timeout(disk_copies.STANDSTILL):
                    ram = (await machine.execute("query-migrate")).get("ram", {})
            if ram:
                sent = ram["transferred"] / _MIB
                report.progress(sent, sent + ram["remaining"] / _MIB, "MiB")
            if ram.get("transferred", last) != last:
                last, moved = ram["transferred"], loop.time()
            if watched and loop.time() - moved > disk_copies.STANDSTILL:
                await disk_copies.cut(machine, memory=True)
            await asyncio.sleep(_PROGRESS)


async def stay(machine: Machine) -> None:
    """Cancel a migration, unless it has completed, and let the guest continue."""
    try:
        await disk_copies.abandon(machine)
        told = await machine.execute("query-migrate")
        if told.get("status") in ("setup", "active", "postcopy-active", "device", "pre-switchover"):
            with machine.monitor.listening("MIGRATION") as events:
                await machine.execute("migrate_cancel")
                async with asyncio.timeout(_CANCELLING):
                    while _status(await _next(machine, events)) not in ("cancelled", "failed", "completed"):
                        pass
        state = await machine.refresh()
        if state and state.can_resume:
            await machine.resume()
    except (HypervisorFailed, TimeoutError) as error:
        _log.warning("Instance %s: the migration could not be canceled: %s", machine.name, error)
