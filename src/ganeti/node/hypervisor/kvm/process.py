# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's process: started so that it outlives the node daemon, and watched without being its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ganeti.errors import EnvironmentUnfit
from ganeti.host.process import CLEAN_ENVIRONMENT

_SYSTEMD = Path("/run/systemd/system")
_MIB = 1024**2


class Process:
    """A process, whoever its parent is. ``ended`` is done as soon as it has ended.

    It is held by a pidfd, so a later process with the same PID is never mistaken for it. Raises
    ProcessLookupError if there is no process ``pid``.
    """

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.status: int | None = None  # of a child of this process that has ended
        self._child = child
        self._handle = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._handle, self._end)

    def kill(self) -> None:
        if not self.ended.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def forget(self) -> None:
        """Stop watching it; it keeps running."""
        if not self.ended.done():
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
            self.ended.cancel()

    async def gone(self) -> None:
        """Wait for its end.

        Awaiting ``ended`` directly is wrong: a cancellation would make a live process seem ended.
        """
        await asyncio.wait([self.ended])

    async def gone_within(self, seconds: float) -> bool:
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        return bool(done)

    def _end(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        if self._child:
            self.status = self._child.wait()
        if not self.ended.done():
            self.ended.set_result(None)


def launch(words: Sequence[str], directory: Path, log: Path, name: str, descriptors: Sequence[int]) -> Process:
    """Run QEMU in ``directory``, with output to ``log``; it inherits ``descriptors``.

    It gets a session of its own and, where systemd runs, a scope of its own: stopping the node daemon's
    service does not touch it. Raises EnvironmentUnfit if it cannot be run.
    """
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                [*scope(name), *words],
                cwd=directory,
                env=CLEAN_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=descriptors,
            )
        except OSError as error:
            raise EnvironmentUnfit(f"{words[0]} cannot be run: {error.strerror}") from None
    return Process(child.pid, child)


def scope(name: str) -> list[str]:
    """The prefix that runs a command in a systemd scope (systemd-run(1)); empty without systemd."""
    if not _SYSTEMD.is_dir():
        return []
    unit = f"ganeti-kvm-{name}-{os.urandom(4).hex()}"
    described = f"--description=Ganeti instance {name}"
    # At shutdown of the machine, that unit stops the guests cleanly first.
    later = "--property=Before=ganeti-guests.service"
    return ["systemd-run", "--scope", "--collect", "--quiet", f"--unit={unit}", described, later, "--"]


def resident(pid: int) -> int:
    """Resident memory of a process, MiB."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // _MIB


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used (proc(5))."""
    try:
        # The name before the last bracket may contain anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0
