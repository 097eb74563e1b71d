# SPDX-License-Identifier: BSD-2-Clause
"""Whether hardware virtualisation truly works on this node.

A ``/dev/kvm`` that can be opened is no proof: on some machines, virtual ones above all, guests hang
under it. So the tiny guest is booted once, and the answer is remembered until what it depends on changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti.errors import EnvironmentUnfit
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.host.process import CLEAN_ENVIRONMENT
from ganeti.node.hypervisor.kvm.capabilities import Capabilities
from ganeti.node.hypervisor.kvm.plan import Accelerator

_log = logging.getLogger(__name__)

# What the tiny guest prints when its user space runs.
_UP = b"TINY-GUEST UP"
_PAUSE = 5.0  # seconds without a word from it, until emulation is asked
_HANGS = 120.0  # seconds without a word that nothing that goes on needs, however busy the machine is


class Verdict(Struct, frozen=True, kw_only=True):
    """``boot_id``, ``kernel`` and ``qemu`` are what it depends on."""

    works: bool
    why: str
    boot_id: str
    kernel: str
    qemu: str
    format: int = 1


class Accelerators:
    """Chooses how a guest's instructions are carried out."""

    def __init__(self, paths: Paths, boot_id: str, device: Path = Path("/dev/kvm")) -> None:
        self._paths = paths
        self._boot_id = boot_id
        self._device = device
        self._probing = asyncio.Lock()
        self._known: Verdict | None = None

    async def choose(self, kvm_flag: str, qemu: Capabilities) -> Accelerator:
        """Raises EnvironmentUnfit if hardware virtualisation is demanded and not there."""
        if kvm_flag == "disabled":
            return "tcg"
        if kvm_flag == "enabled":
            if not self._opens():
                raise EnvironmentUnfit(f"Parameter 'kvm_flag': {self._device} cannot be opened on this node")
            return "kvm"
        return "kvm" if (await self.judge(qemu)).works else "tcg"

    async def judge(self, qemu: Capabilities) -> Verdict:
        """What is known, or found out now; that takes at least as long as the tiny guest's boot."""
        async with self._probing:
            asked = self._verdict(qemu, works=False, why="")
            if not self._known or not _same_ground(self._known, asked):
                self._known = self._remembered(asked) or await self._found_out(qemu)
            return self._known

    def _remembered(self, asked: Verdict) -> Verdict | None:
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=Verdict)
        except (OSError, msgspec.DecodeError):
            return None
        return found if _same_ground(found, asked) else None

    async def _found_out(self, qemu: Capabilities) -> Verdict:
        if not self._opens():
            # Worth no file: it costs nothing to see, and may change without a boot.
            return self._verdict(qemu, works=False, why=f"{self._device} cannot be opened")
        tiny = self._tiny_guest()
        if tiny is None:
            _log.warning(
                "Hardware virtualisation is used without proof that guests run under it: there is no "
                "tiny guest to try it with (vmlinuz and initrd.gz of the OS provider 'tiny')"
            )
            return self._verdict(qemu, works=True, why="not tried, there is no tiny guest")
        works, why = await _try_out(qemu.program, *tiny)
        verdict = self._verdict(qemu, works=works, why=why)
        write_atomic(self._file, msgspec.json.encode(verdict))
        _log.info("Hardware virtualisation %s: %s", "works" if works else "does not work", why)
        return verdict

    def _verdict(self, qemu: Capabilities, *, works: bool, why: str) -> Verdict:
        kernel = os.uname().release
        return Verdict(works=works, why=why, boot_id=self._boot_id, kernel=kernel, qemu=qemu.version_text)

    def _opens(self) -> bool:
        try:
            os.close(os.open(self._device, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def _tiny_guest(self) -> tuple[Path, Path] | None:
        for place in self._paths.os_search_path:
            kernel, initrd = place / "tiny" / "vmlinuz", place / "tiny" / "initrd.gz"
            if kernel.is_file() and initrd.is_file():
                return kernel, initrd
        return None

    @property
    def _file(self) -> Path:
        return self._paths.state / "accelerator.json"


def _same_ground(one: Verdict, other: Verdict) -> bool:
    return (one.boot_id, one.kernel, one.qemu) == (other.boot_id, other.kernel, other.qemu)


async def _try_out(program: str, kernel: Path, initrd: Path) -> tuple[bool, str]:
    """Whether guests run under KVM, and how that was seen. No clock decides: a busy node may take minutes."""
    async with AsyncExitStack() as boots:
        kvm = await boots.enter_async_context(_booted(program, "kvm", kernel, initrd))
        if await _any_ended([kvm], _PAUSE):
            return kvm.outcome
        # It may hang. Emulation, which always works, tells how long a boot may take on this machine at the most.
        tcg = await boots.enter_async_context(_booted(program, "tcg", kernel, initrd))
        await _any_ended([kvm, tcg], _HANGS)
        if tcg.ended and not tcg.outcome[0]:
            await _any_ended([kvm], _HANGS)
        if kvm.ended:
            return kvm.outcome
        if tcg.ended and tcg.outcome[0]:
            return False, "the tiny guest hangs: emulated, it is up sooner"
        return False, f"the tiny guest has said nothing for {_HANGS:.0f} seconds"


class _Boot:
    """Of the tiny guest, in a QEMU."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard = 0  # bytes
        self.process = process
        self.end = asyncio.create_task(self._until_up())

    @property
    def ended(self) -> bool:
        return self.end.done()

    @property
    def outcome(self) -> tuple[bool, str]:
        """Of one that has ended: whether it came up, and what was seen."""
        return self.end.result()

    async def _until_up(self) -> tuple[bool, str]:
        assert self.process.stdout  # noqa: S101 - it is a pipe
        said = b""
        while piece := await self.process.stdout.read(4096):
            self.heard += len(piece)
            said = (said + piece)[-65536:]
            if _UP in said:
                return True, "the tiny guest came up"
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return False, f"QEMU ended before the tiny guest was up: {''.join(last)}"


async def _any_ended(boots: Sequence[_Boot], silence: float) -> bool:
    """Whether one has, before all said nothing for ``silence`` seconds."""
    while True:
        heard = [boot.heard for boot in boots]
        ended, _ = await asyncio.wait([boot.end for boot in boots], timeout=silence, return_when=FIRST_COMPLETED)
        if ended or heard == [boot.heard for boot in boots]:
            return bool(ended)


@asynccontextmanager
async def _booted(program: str, accelerator: str, kernel: Path, initrd: Path) -> AsyncIterator[_Boot]:
    """The tiny guest on its way up. Its QEMU is gone afterwards."""
    machine = ("-accel", accelerator, "-machine", "q35", "-m", "128", "-nodefaults", "-no-user-config")
    files = ("-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 panic=-1", "-no-reboot")
    process = await asyncio.create_subprocess_exec(
        *(str(word) for word in (program, *machine, *files, "-display", "none", "-serial", "stdio")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=CLEAN_ENVIRONMENT,
        start_new_session=True,
    )
    boot = _Boot(process)
    try:
        yield boot
    finally:
        boot.end.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
