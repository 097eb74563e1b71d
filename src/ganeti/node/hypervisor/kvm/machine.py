# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU that runs one guest, whichever node daemon started it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec.structs import replace

from ganeti.errors import HypervisorFailed, WrongState
from ganeti.host.process import until
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest
from ganeti.model.guest_state import NOT_STARTED, GuestState
from ganeti.model.report import RunningGuest
from ganeti.node.hypervisor.kvm.agent import Agent
from ganeti.node.hypervisor.kvm.consoles import discard_output
from ganeti.node.hypervisor.kvm.directory import GuestDirectory, Phase, Record
from ganeti.node.hypervisor.kvm.monitor import Event, Monitor, accepts
from ganeti.node.hypervisor.kvm.plugged_memory import PluggedMemory
from ganeti.node.hypervisor.kvm.plugs import Plugs
from ganeti.node.hypervisor.kvm.process import Process, processor_seconds
from ganeti.node.hypervisor.kvm.processors import Processors
from ganeti.node.hypervisor.kvm.run_state import POWERED_DOWN, PRELAUNCH, failed_disks, guest_state
from ganeti.node.hypervisor.kvm.standstill import reaches

_log = logging.getLogger(__name__)

_BY_GUEST = frozenset({"guest-shutdown", "guest-reset"})
# Events after which QEMU's state may have changed; its others are irrelevant for that.
_CHANGES = frozenset({"STOP", "RESUME", "SUSPEND", "WAKEUP", "GUEST_PANICKED"})

_PRESS_AGAIN = 5.0  # seconds; a guest that is still booting misses the first press
GREETING = 5.0  # seconds, from a QEMU that runs already
_QUIT = 10.0  # seconds for QEMU to exit cleanly
# Seconds after a reset in which the firmware may reset the machine again (SeaBIOS does); only later
# resets mean that the guest has asked for it.
_FIRMWARE = 30.0
_LAST_EVENTS = 2.0  # seconds, for reading what QEMU sent before it ended
_AGAIN = 2.0  # seconds in which a resumed guest retries the write that paused it
_RETRY = 2.0  # seconds between attempts to reach a QEMU that does not answer

_MIB = 1024**2


class Machine:
    """``told`` is called with each new state, and finally with how it ended."""

    def __init__(
        self,
        directory: GuestDirectory,
        record: Record,
        process: Process,
        told: Callable[[Machine], None],
        tpm: Process | None = None,
    ) -> None:
        self.directory = directory
        self.record = record
        self.process = process
        self.state = GuestState.PAUSED
        self.why = ""  # the reason for that state, as text
        self.asked = ""  # how it was asked to power off the last time, if it has a channel for an agent
        self._told = told
        self._tpm = tpm  # if this node daemon has started it; it ends by itself
        self._reason: str | None = None
        self._rebooting = False
        self._attending: asyncio.Task[None] | None = None
        self._on_console: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.memory: int | None = None  # of the guest after ballooning, MiB, once known
        self.plugs = Plugs(self)
        self.agent = Agent(self)
        self.processors = Processors(self)
        self.plugged_memory = PluggedMemory(self)
        self.monitor = Monitor(record.guest.name, self._heard)

    @property
    def name(self) -> str:
        return self.record.guest.name

    @property
    def gone(self) -> bool:
        return self.process.ended.done()

    async def connect(self, timeout: float) -> None:
        """Raises HypervisorFailed if QEMU does not answer; then it is retried later."""
        try:
            await self._connect(timeout)
        finally:
            if self._attending is None:
                self._attending = asyncio.create_task(self._attend())

    async def forget(self) -> None:
        """Detach from it; it keeps running."""
        for task in (self._attending, self._on_console, *self._background):
            if task:
                task.cancel()
        self.agent.forget()
        await self.monitor.close()
        self.process.forget()
        if self._tpm:
            self._tpm.forget()

    def enter(self, phase: Phase, *, ended: str = "") -> None:
        """Record its phase durably."""
        self.record = replace(self.record, phase=phase, ended=ended)
        self.directory.write(self.record)
        if self._on_console and phase != "incoming":
            self._on_console.cancel()

    def note_frozen(self, *, frozen: bool) -> None:
        """Record durably whether its file systems have to be thawed."""
        self.record = replace(self.record, frozen=frozen)
        self.directory.write(self.record)

    def note_moving(self, moving: Mapping[str, Disk]) -> None:
        """Record durably which disks the guest has once QEMU uses these block nodes."""
        self.record = replace(self.record, moving=dict(moving))
        self.directory.write(self.record)

    def keep(self, guest: Guest) -> None:
        """Record durably what the guest now runs with."""
        before = self.record.guest
        if guest != before:
            self.record = replace(self.record, guest=guest)
            self.directory.write(self.record)
        if guest.beparams != before.beparams:
            self._told(self)

    def described(self) -> RunningGuest:
        guest = self.record.guest
        seconds = processor_seconds(self.process.pid)
        return RunningGuest(
            guest.uuid,
            guest.name,
            "kvm",
            self.state,
            guest.beparams.maxmem if self.memory is None else self.memory,
            guest.beparams.vcpus,
            seconds,
            self.why,
        )

    def show(self, state: GuestState, why: str = "") -> None:
        """Report its new state."""
        if (state, why) != (self.state, self.why):
            self.state, self.why = state, why
            self._told(self)

    async def execute(self, command: str, /, **arguments: Any) -> Any:
        return await self.monitor.execute(command, **arguments)

    async def resume(self) -> None:
        await self.execute("system_wakeup" if self.state is GuestState.SUSPENDED else "cont")
        await self.refresh()

    async def go_on(self) -> None:
        """Resume it, and check whether that lasts: failed writes are retried immediately."""
        paused_by_command = self.state is GuestState.PAUSED
        with self.monitor.listening("STOP", "WAKEUP") as events:
            await self.resume()
            if not paused_by_command:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN):
                        await events.get()
                await self.refresh()

    async def refresh(self) -> GuestState | None:
        """The guest's state; None while it is powered down, which is temporary."""
        word = str((await self.execute("query-status"))["status"])
        if word == POWERED_DOWN:
            return None
        state, why = guest_state(word), NOT_STARTED if word == PRELAUNCH else ""
        if state is GuestState.IO_ERROR:
            why = failed_disks(await self.execute("query-block"), self.record.guest.disks)
        self.show(state, why)
        return state

    async def measure(self) -> int:
        """The guest's memory after ballooning, MiB."""
        memory = int((await self.execute("query-balloon"))["actual"]) // _MIB + await self.plugged_memory.size()
        if memory != self.memory:
            self.memory = memory
            self._told(self)
        return memory

    async def set_memory(self, memory: int) -> int:
        """Ask the guest to use this much memory, MiB; returns its size when that no longer changes."""
        if self.state is not GuestState.RUNNING:
            raise WrongState(f"Instance {self.name} is {self.state.because(self.why)}; its memory cannot be changed")
        with self.monitor.listening("BALLOON_CHANGE") as changes:
            await self.execute("balloon", value=(memory - await self.plugged_memory.size()) * _MIB)
            await reaches(memory, self.measure, changes)
        found = await self.measure()
        self.keep(evolve(self.record.guest, memory=found))
        return found

    async def power_down(self, timeout: float) -> bool:
        """Ask the guest to power off until it has or the time is up; whether it has.

        Its agent is asked first, then the power button is pressed: if the agent does not listen, or half of the time is
        up.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        self.asked = ""
        if self.agent.has_channel and timeout > 0:
            self.asked = "by its agent"
            if problem := await self.agent.shut_down(timeout):
                self.asked = f"by ACPI: {problem}"
            elif not await self.process.gone_within(timeout / 2):
                self.asked = "by its agent, and in vain, so by ACPI too"
        while not self.gone and (left := deadline - loop.time()) > 0:
            try:
                await self.execute("system_powerdown")
            except HypervisorFailed:
                if not await self.process.gone_within(_LAST_EVENTS):
                    raise
            await self.process.gone_within(min(_PRESS_AGAIN, left))
        return self.gone

    async def end(self) -> None:
        """Terminate QEMU, cleanly if it responds, by force otherwise; afterwards it is gone."""
        try:
            await self.execute("quit")
            if await self.process.gone_within(_QUIT):
                return
        except HypervisorFailed:
            pass
        self.process.kill()
        await self.process.gone()

    async def reset(self) -> None:
        """Reset the virtual machine."""
        await self.execute("set-action", reboot="reset", shutdown="poweroff")
        with self.monitor.listening("RESET") as resets:
            await self.execute("system_reset")
            try:
                async with asyncio.timeout(_QUIT):
                    await resets.get()
            except TimeoutError:
                raise HypervisorFailed(
                    f"QEMU of instance {self.name} has not reset the machine within {_QUIT:.0f} seconds"
                ) from None
        await self.resume()
        if self._ends_at_reboot:
            self._in_background(partial(self._end_at_reboot, after=_FIRMWARE))

    async def take_up(self) -> GuestState | None:
        """Attach to a QEMU of an earlier node daemon; the guest's state as from ``refresh``."""
        if self._ends_at_reboot:
            await self._end_at_reboot()
        return await self.refresh()

    async def reboot_softly(self, timeout: float) -> None:
        """Have the guest power down, then restart it instead of exiting.

        Once it has been asked, this continues even if the caller is cancelled: otherwise it would stay off.
        """
        if self.state is not GuestState.RUNNING:
            raise WrongState(f"Instance {self.name} is {self.state} and cannot be asked to reboot")
        rebooting = asyncio.create_task(self._reboot(timeout))
        self._background.add(rebooting)
        rebooting.add_done_callback(self._rebooted)
        await asyncio.shield(rebooting)

    def _rebooted(self, rebooting: asyncio.Task[None]) -> None:
        self._background.discard(rebooting)
        if not rebooting.cancelled() and (error := rebooting.exception()):
            _log.warning("Instance %s was not rebooted: %s", self.name, error)

    async def _reboot(self, timeout: float) -> None:
        self._rebooting = True
        try:
            await self._power_down_and_pause(timeout)
            await self.reset()
        finally:
            self._rebooting = False

    async def settled(self) -> None:
        """Wait until its end has been reported."""
        if self._attending:
            await asyncio.wait([self._attending])

    async def _connect(self, timeout: float) -> None:
        self.monitor = Monitor(self.name, self._heard)
        await self.monitor.connect(self.directory.control, timeout)
        if self.record.phase == "incoming" and self._on_console is None:
            self._on_console = asyncio.create_task(discard_output(self.directory.serial))
        await self.plugs.take_stock()
        await self.processors.take_stock()
        await self.plugged_memory.take_stock()
        await self.measure()
        await self.refresh()
        self.agent.take_up()

    async def _attend(self) -> None:
        while not self.gone:
            if self.monitor.open:
                await asyncio.wait([self.process.ended, self.monitor.closed], return_when=asyncio.FIRST_COMPLETED)
            if await self.process.gone_within(_RETRY):
                break
            self.show(GuestState.UNRESPONSIVE)
            with suppress(HypervisorFailed):
                await self._connect(_RETRY)
        if self.monitor.open:
            await asyncio.wait([self.monitor.closed], timeout=_LAST_EVENTS)
        self._finish()

    async def _power_down_and_pause(self, timeout: float) -> None:
        await self.execute("set-action", shutdown="pause")
        try:
            with self.monitor.listening("SHUTDOWN") as shutdowns:
                async with asyncio.timeout(timeout):
                    pressing = asyncio.create_task(self.power_down(timeout))
                    try:
                        await shutdowns.get()
                    finally:
                        pressing.cancel()
        except TimeoutError:
            raise HypervisorFailed(
                f"Instance {self.name} has not powered down within {timeout:.0f} seconds; a hard reboot ends it then"
            ) from None
        finally:
            await self.execute("set-action", shutdown="poweroff")

    def _heard(self, event: Event) -> None:
        kind = event["event"]
        if kind == "SHUTDOWN":
            self._reason = event["data"]["reason"]
            self._in_background(self._ensure_it_ends)
        elif kind == "RESET":
            self._reason = None
        elif kind in _CHANGES:
            self._in_background(self.refresh)
        elif kind in ("BALLOON_CHANGE", "MEMORY_DEVICE_SIZE_CHANGE"):
            self._in_background(self.measure)
        elif kind == "DEVICE_DELETED" and "device" in event["data"]:
            self._in_background(partial(self.plugs.drop, event["data"]["device"]))
        elif kind == "DEVICE_DELETED":
            self._in_background(self.processors.take_stock)
        elif kind == "DEVICE_UNPLUG_GUEST_ERROR":
            self.plugs.refused(event["data"].get("device", ""))

    async def _ensure_it_ends(self) -> None:
        """QEMU 7.2 has been seen to hang, emulating, when it should have ended after a guest's panic."""
        if not await self.process.gone_within(_QUIT) and self._reason is not None and not self._rebooting:
            _log.warning("QEMU of %s announced its end (%s) but still runs; killing it", self.name, self._reason)
            self.process.kill()

    @property
    def _ends_at_reboot(self) -> bool:
        return self.record.guest.hvparams.get("reboot_behavior") == "exit"

    async def _end_at_reboot(self, *, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        await self.execute("set-action", reboot="shutdown")

    def _in_background(self, work: Callable[[], Awaitable[object]]) -> None:
        async def quietly() -> None:
            # If QEMU has just ended, that is reported anyway.
            with suppress(HypervisorFailed):
                await work()

        task = asyncio.create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _finish(self) -> None:
        if self.record.phase not in ("running", "sending", "arrived"):
            how = GuestState.DOWN
        elif self._reason is None:
            # Its end was not noticed: this node daemon was not running, or QEMU could not report it.
            how = GuestState.USER_DOWN if self.directory.left_in_order() else GuestState.CRASHED
        else:
            how = GuestState.USER_DOWN if self._reason in _BY_GUEST else GuestState.CRASHED
        self.show(how)


async def process_in(directory: GuestDirectory) -> Process | None:
    """The guest's QEMU, even if it was just started and has not locked its PID file yet."""
    await until(lambda: directory.process() is not None or not accepts(directory.control), timeout=GREETING)
    pid = directory.process()
    try:
        return Process(pid) if pid else None
    except ProcessLookupError:
        return None
