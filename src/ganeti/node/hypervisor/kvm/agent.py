# SPDX-License-Identifier: BSD-2-Clause
"""The agent in a guest: QEMU's (QEMU Guest Agent Protocol Reference), or one that speaks as it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from ganeti.declare.types import MOST
from ganeti.errors import HypervisorFailed
from ganeti.model.guest_agent import MOST_OUTPUT, Executed, Interface, interfaces_of
from ganeti.model.guest_state import GuestState
from ganeti.node.hypervisor.kvm.agent_channel import AgentChannel, AgentSilent, conversation
from ganeti.node.hypervisor.kvm.peripherals import AGENT, AGENT_SOCKET

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine

_log = logging.getLogger(__name__)

_REFUSAL = 5.0  # seconds for an agent to say that it does not power the guest off
_FREEZING = 30.0  # seconds for a guest to write what it has to its disks
LONGEST_FREEZE = 30.0  # seconds after which a guest is thawed whatever goes on
_THAW_AGAIN, _LAST_THAW = 5.0, 60.0  # seconds between attempts, at first and at last
_FIRST_LOOK = 0.1  # seconds after which a program may have ended
_LAST_LOOK = 2.0  # seconds; each look comes after twice the time of the one before, up to this
MOST_EXECUTED = 16 * 1024**2  # bytes of the answer with all that a program has written
_WIDEST = 4  # bytes of a character


_Count = Annotated[int, Meta(ge=0, le=MOST)]
_Code = Annotated[int, Meta(ge=-MOST, le=2 * MOST + 1)]


class _Address(Struct, frozen=True, rename="kebab"):
    ip_address: str
    prefix: int = 0


class _Interface(Struct, frozen=True, rename="kebab"):
    name: str
    hardware_address: str = ""
    ip_addresses: tuple[_Address, ...] = ()


class _Begun(Struct, frozen=True):
    pid: _Count


class _Status(Struct, frozen=True, rename="kebab"):
    exited: bool
    exitcode: _Code | None = None
    signal: _Code | None = None
    out_data: bytes = b""
    err_data: bytes = b""
    out_truncated: bool = False
    err_truncated: bool = False

    @property
    def executed(self) -> Executed:
        (output, more_output), (errors, more_errors) = _decoded(self.out_data), _decoded(self.err_data)
        cut = self.out_truncated or self.err_truncated or more_output or more_errors
        return Executed(self.exitcode, self.signal, output, errors, cut)


class Agent:
    """Of one machine. One conversation at a time, since QEMU serves one connection to the port."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._turn = asyncio.Lock()
        self._thawing: asyncio.Task[None] | None = None
        self._late = False  # whether a freeze ended by itself

    @property
    def has_channel(self) -> bool:
        return bool(self._machine.record.guest.hvparams.get("use_guest_agent"))

    async def problem(self) -> str:
        """Why it cannot be asked, as far as that is known without asking it; empty if it can."""
        machine = self._machine
        if not self.has_channel:
            return (
                "it was started without a channel for an agent, which use_guest_agent of its hypervisor parameters "
                "gives it"
            )
        if machine.state is not GuestState.RUNNING:
            return f"it is {machine.state.because(machine.why)}"
        ports = {port["label"]: port["frontend-open"] for port in await machine.execute("query-chardev")}
        return "" if ports.get(AGENT) else "no agent runs in it"

    async def shut_down(self, timeout: float) -> str:
        """Ask it to power the guest off, for at most ``timeout`` seconds; why that was in vain, if it was."""
        try:
            async with asyncio.timeout(timeout), self._conversation() as channel:
                await channel.tell("guest-shutdown", timeout=_REFUSAL, mode="powerdown")
        except TimeoutError:
            return "its agent has not answered in time"
        except HypervisorFailed as error:
            return error.message
        return ""

    async def interfaces(self) -> tuple[Interface, ...]:
        async with self._conversation() as channel:
            found = await channel.ask("guest-network-get-interfaces", tuple[_Interface, ...])
        return interfaces_of(
            (one.name, one.hardware_address, [(address.ip_address, address.prefix) for address in one.ip_addresses])
            for one in found
        )

    async def freeze(self) -> int:
        async with self._conversation() as channel:
            self._late = False
            self._machine.note_frozen(frozen=True)
            try:
                frozen: int = await channel.ask("guest-fsfreeze-freeze", _Count, timeout=_FREEZING)
            except BaseException:
                self._thaw_in_time(0.0)
                raise
        if not frozen:
            self._machine.note_frozen(frozen=False)
            raise HypervisorFailed(f"The agent in instance {self._machine.name} finds no file system to freeze")
        self._thaw_in_time(LONGEST_FREEZE)
        return frozen

    async def thaw(self) -> bool:
        if self._thawing:
            self._thawing.cancel()
        try:
            thawed = await self._thaw()
        except BaseException:
            self._thaw_in_time(_THAW_AGAIN)
            raise
        return thawed > 0 and not self._late

    def take_up(self) -> None:
        """Thaw what an earlier node daemon has left frozen."""
        if self._machine.record.frozen and self._thawing is None:
            self._thaw_in_time(0.0)

    def forget(self) -> None:
        if self._thawing:
            self._thawing.cancel()

    async def set_time(self, now: float) -> None:
        async with self._conversation() as channel:
            await channel.ask("guest-set-time", dict, time=int(now * 1e9))

    async def execute(self, program: str, arguments: tuple[str, ...], *, timeout: float) -> Executed:
        async with self._conversation() as channel:
            begun = await channel.ask("guest-exec", _Begun, path=program, arg=arguments, capture_output=True)
        try:
            async with asyncio.timeout(timeout):
                return await self._end(begun.pid)
        except TimeoutError:
            raise HypervisorFailed(
                f"The command in instance {self._machine.name} has not ended within {timeout:.0f} seconds; it goes on "
                f"there as process {begun.pid}, and what it writes is lost"
            ) from None

    async def _end(self, pid: int) -> Executed:
        """Of a program that it has started. It may be busy enough to keep the agent from answering for a while."""
        pause = _FIRST_LOOK
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)
            with suppress(AgentSilent):
                async with self._listening() as channel:
                    status: _Status = await channel.ask("guest-exec-status", _Status, most=MOST_EXECUTED, pid=pid)
                if status.exited:
                    return status.executed

    @asynccontextmanager
    async def _conversation(self) -> AsyncIterator[AgentChannel]:
        try:
            async with self._listening() as channel:
                yield channel
        except AgentSilent as silent:
            raise HypervisorFailed(str(silent)) from None

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[AgentChannel]:
        """Raises AgentSilent, and HypervisorFailed for the rest."""
        machine = self._machine
        async with self._turn:
            if problem := await self.problem():
                raise HypervisorFailed(f"The agent in instance {machine.name} cannot be asked: {problem}")
            async with conversation(
                machine.name, machine.directory.path / AGENT_SOCKET, machine.process.pid
            ) as channel:
                yield channel

    async def _thaw(self) -> int:
        async with self._conversation() as channel:
            thawed: int = await channel.ask("guest-fsfreeze-thaw", _Count)
        self._machine.note_frozen(frozen=False)
        return thawed

    def _thaw_in_time(self, seconds: float) -> None:
        if self._thawing:
            self._thawing.cancel()
        self._thawing = asyncio.create_task(self._thaw_at_last(seconds))

    async def _thaw_at_last(self, seconds: float) -> None:
        """After so many seconds, and again and again, ever later, until it is done or the guest is gone."""
        await asyncio.sleep(seconds)
        pause = _THAW_AGAIN
        while not self._machine.gone:
            self._late = True
            try:
                await self._thaw()
            except HypervisorFailed as error:
                _log.warning("Instance %s is not thawed yet: %s", self._machine.name, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_THAW)
            else:
                _log.warning("The file systems of instance %s were thawed, since nobody else did", self._machine.name)
                return


def _decoded(data: bytes) -> tuple[str, bool]:
    """What a program has written, up to MOST_OUTPUT characters; whether there is more."""
    text = data[: _WIDEST * (MOST_OUTPUT + 1)].decode(errors="replace")
    return text[:MOST_OUTPUT], len(text) > MOST_OUTPUT
