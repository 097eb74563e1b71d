# SPDX-License-Identifier: BSD-2-Clause
"""Whether hardware virtualisation really works on this node.

A ``/dev/kvm`` that can be opened is no proof: on some machines, virtual ones above all, guests hang
under it. So the tiny guest is booted once, and the result is cached until what it depends on changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.host.process import CLEAN_ENVIRONMENT
from ganeti.model.timing import TRIAL
from ganeti.node.hypervisor.kvm.capabilities import Capabilities
from ganeti.node.hypervisor.kvm.plan import Accelerator

_log = logging.getLogger(__name__)

# What the tiny guest prints when its user space runs.
_UP = b"TINY-GUEST UP"
_PAUSE = 2.0  # seconds for KVM alone, before emulation is tried beside it; a boot under KVM usually takes one


class Verdict(Struct, frozen=True, kw_only=True):
    """``boot_id``, ``kernel`` and ``qemu``: what it depends on."""

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
        """Raises EnvironmentUnfit if hardware virtualisation is required but unavailable; and what ``judge`` raises."""
        if kvm_flag == "disabled":
            return "tcg"
        if kvm_flag == "enabled":
            if not self._opens():
                raise EnvironmentUnfit(f"Parameter 'kvm_flag': {self._device} cannot be opened on this node")
            return "kvm"
        return "kvm" if (await self.judge(qemu)).works else "tcg"

    async def judge(self, qemu: Capabilities) -> Verdict:
        """The cached verdict, or a new one, which takes as long as the tiny guest's boot. Raises ExecutionFailed."""
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
            # Not cached in a file: it is cheap to check, and may change without a reboot.
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
    """Whether guests run under KVM, and how that was determined. Raises ExecutionFailed if it cannot be.

    If it is not up quickly, the tiny guest is booted both ways: emulation, which always works, shows the maximum time
    of a boot on this machine. A busy node, or a virtual one, may take minutes.
    """
    kvm, *tcg = [asyncio.create_task(_boot(program, "kvm", kernel, initrd))]
    try:
        async with asyncio.timeout(TRIAL):
            await asyncio.wait({kvm}, timeout=_PAUSE)
            if not kvm.done():
                tcg.append(asyncio.create_task(_boot(program, "tcg", kernel, initrd)))
                await asyncio.wait({kvm, *tcg}, return_when=asyncio.FIRST_COMPLETED)
                if not kvm.done() and tcg[0].result() is None:
                    return False, "the tiny guest hangs: emulated, it is up sooner"
            why_not = await kvm
    except TimeoutError:
        raise ExecutionFailed(
            f"Whether hardware virtualisation works is not known: in {TRIAL:.0f} seconds the tiny guest did not come "
            "up, neither with it nor emulated. Try again when the node has less to do; or have hypervisor parameter "
            "'kvm_flag' say 'enabled' or 'disabled'"
        ) from None
    finally:
        for boot in (kvm, *tcg):
            boot.cancel()
        await asyncio.gather(kvm, *tcg, return_exceptions=True)
    return why_not is None, why_not or "the tiny guest came up"


async def _boot(program: str, accelerator: str, kernel: Path, initrd: Path) -> str | None:
    """None as soon as the tiny guest is up, or the reason why it failed. Its QEMU is terminated afterwards."""
    machine = ("-accel", accelerator, "-machine", "q35", "-m", "128", "-nodefaults", "-no-user-config")
    boot = ("-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1", "-no-reboot")
    process = await asyncio.create_subprocess_exec(
        *(str(word) for word in (program, *machine, *boot, "-display", "none", "-serial", "stdio")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=CLEAN_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        return await _until_up(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _until_up(process: asyncio.subprocess.Process) -> str | None:
    assert process.stdout  # noqa: S101 - it is a pipe
    said = b""
    while piece := await process.stdout.read(4096):
        said = (said + piece)[-65536:]
        if _UP in said:
            return None
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return f"QEMU ended before the tiny guest was up: {''.join(last)}"
