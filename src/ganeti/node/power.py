# SPDX-License-Identifier: BSD-2-Clause
"""Power control: other nodes by out-of-band programs (Ganeti's design on OOB management), this node by a reset."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.paths import Paths
from ganeti.host.process import run
from ganeti.rpc.contract.power import OobCommand, ResetMachine, RunOob
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

# Bytes that an out-of-band program may print.
MOST_PRINTED = 262144
# Seconds between the answer to a reset and the reset.
_FAREWELL = 5.0
# The inode of the initial PID namespace (linux/proc_ns.h): in any other, this is not a real machine.
_FIRST_NAMESPACE = 0xEFFFFFFC


class Reset(Protocol):
    """How this machine is reset."""

    def ensure_possible(self) -> None:
        """Raises EnvironmentUnfit."""
        ...

    def now(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KernelReset:
    """Immediately, without stopping anything: the kernel's magic SysRq (admin-guide/sysrq of its documentation)."""

    trigger: Path = Path("/proc/sysrq-trigger")
    namespace: Path = Path("/proc/self/ns/pid")

    def ensure_possible(self) -> None:
        if self.namespace.stat().st_ino != _FIRST_NAMESPACE:
            raise EnvironmentUnfit("It is no machine of its own but a container, which cannot be reset")
        if not self.trigger.exists():
            raise EnvironmentUnfit(f"Its kernel has no magic SysRq (CONFIG_MAGIC_SYSRQ): there is no {self.trigger}")

    def now(self) -> None:
        self.ensure_possible()
        self.trigger.write_text("b")


@dataclass(slots=True)
class PaperReset:
    """Counts resets instead of doing them."""

    count: int = 0

    def ensure_possible(self) -> None:
        pass

    def now(self) -> None:
        self.count += 1


class Programs(Protocol):
    """Runs out-of-band programs."""

    async def output(self, call: RunOob) -> str:
        """Raises the errors of ``RunOob``."""
        ...


@dataclass(frozen=True, slots=True)
class RealPrograms:
    paths: Paths

    async def output(self, call: RunOob) -> str:
        program = self.paths.under(call.program)
        done = await run(program, call.command, call.node, timeout=call.seconds, most=MOST_PRINTED)
        if done.failed:
            raise ExecutionFailed(done.why())
        return done.output


@dataclass(slots=True)
class PaperPrograms:
    """``off``: the names of nodes that are switched off. ``health``: that of all nodes."""

    off: set[str] = field(default_factory=set)
    health: str = '[["Ambient Temp", "OK"]]'
    asked: list[tuple[OobCommand, str]] = field(default_factory=list)

    async def output(self, call: RunOob) -> str:
        self.asked.append((call.command, call.node))
        if call.command == "power-on":
            self.off.discard(call.node)
        elif call.command == "power-off":
            self.off.add(call.node)
        elif call.command == "power-status":
            return '{"powered": %s}' % ("false" if call.node in self.off else "true")
        return self.health if call.command == "health" else ""


class Power:
    """The handler of ``rpc/contract/power.py``."""

    def __init__(self, programs: Programs, reset: Reset) -> None:
        self._programs = programs
        self._reset = reset

    async def run_oob(self, call: RunOob, report: Report) -> str:
        del report
        return await self._programs.output(call)

    async def reset(self, call: ResetMachine, report: Report) -> float:
        del call, report
        self._reset.ensure_possible()
        _log.warning("This machine will be reset in %.0f seconds, as the master has asked", _FAREWELL)
        asyncio.get_running_loop().call_later(_FAREWELL, self._reset.now)
        return _FAREWELL
