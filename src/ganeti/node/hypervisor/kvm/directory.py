# SPDX-License-Identifier: BSD-2-Clause
"""What a node daemon needs to recover a guest: its directory below ``/run/ganeti/kvm``.

While a QEMU of a guest is replaced by another one, that has a directory below ``/run/ganeti/kvm-beside/NAME``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ganeti.declare.types import ensure_host_name
from ganeti.host.files import lock_owner, write_atomic
from ganeti.host.paths import Paths
from ganeti.host.process import processes
from ganeti.model.disk import Disk
from ganeti.model.guest import Guest
from ganeti.node.hypervisor.kvm.command import CHROOT, MONITOR_SOCKET, PID_FILE, SERIAL_SOCKET
from ganeti.node.hypervisor.kvm.plan import Accelerator
from ganeti.node.hypervisor.kvm.run_files import RunFiles

# "arrived": the guest has come from another QEMU on this node, which no longer has it, whatever happens.
Phase = Literal["starting", "incoming", "arrived", "running", "sending", "stopping", "ended"]

_OWN, _BESIDE = "kvm", "kvm-beside"  # below /run/ganeti


class Record(Struct, frozen=True, kw_only=True):
    """A guest as it was started, and its progress since.

    ``ended`` says how, once it has: a GuestState. ``boot_id`` is that of the node; after a
    reboot nothing of this is valid. ``since`` is in seconds since the epoch. ``frozen``: whether its agent may have
    frozen its file systems, and not thawed them yet. ``reopened``: how QEMU is to have its disks open once it has
    arrived, as ``blockdev-reopen`` takes it. ``moving``: the disks that it has as soon as QEMU uses the block nodes of
    these names.
    """

    guest: Guest
    phase: Phase
    accelerator: Accelerator
    qemu_version: str
    boot_id: str
    since: float
    ended: str = ""
    frozen: bool = False
    reopened: tuple[dict[str, Any], ...] = ()
    moving: dict[str, Disk] = {}
    format: int = 1


@dataclass(frozen=True, slots=True)
class GuestDirectory:
    """``beside``: of a QEMU that is to take over a guest from the one in the guest's own directory."""

    path: Path
    beside: bool = False

    @property
    def control(self) -> Path:
        """The socket through which the node daemon commands QEMU."""
        return self.path / "control"

    @property
    def serial(self) -> Path:
        """The socket of the serial console."""
        return self.path / SERIAL_SOCKET

    @property
    def monitor(self) -> Path:
        """The socket of QEMU's human monitor."""
        return self.path / MONITOR_SOCKET

    @property
    def root(self) -> Path:
        """The root directory for QEMU if it runs in a chroot."""
        return self.path / CHROOT

    def prepare(self, owner: struct_passwd | None) -> None:
        """Create it, empty; ``owner`` is the user whose QEMU runs in it, if not this one.

        That user may create files in it, but not change the others, which the node daemon trusts.
        """
        self.remove()
        self.root.mkdir(parents=True)
        self.path.chmod(0o700)
        if owner:
            os.chown(self.path, -1, owner.pw_gid)
            self.path.chmod(0o1770)

    def leave_pid_file_to(self, owner: struct_passwd | None) -> None:
        """QEMU creates it as root, and removes it at the end as the user that it runs as by then."""
        if owner:
            os.chown(self.path / PID_FILE, owner.pw_uid, -1, follow_symlinks=False)

    def remove(self) -> None:
        if not self.beside:
            RunFiles(self.path).remove()
            shutil.rmtree(_beside(self.path), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def another(self) -> GuestDirectory:
        """For a QEMU beside the one in this directory."""
        return GuestDirectory(_beside(self.path) / secrets.token_hex(4), beside=True)

    @property
    def own(self) -> GuestDirectory:
        """That of the guest itself, of one that is ``beside`` it."""
        return GuestDirectory(self.path.parent.parent.with_name(_OWN) / self.path.parent.name)

    def take_place(self) -> GuestDirectory:
        """Put this directory, which is ``beside``, into the place of the guest's own, which it is then.

        Its former name leads there: QEMU removes its PID file by the name that it had at the start.
        """
        own = self.own
        shutil.rmtree(own.path, ignore_errors=True)
        for former in self.path.parent.iterdir():
            if former.is_symlink():
                former.unlink()
        self.path.rename(own.path)
        self.path.symlink_to(own.path)
        return own

    def read(self) -> Record | None:
        try:
            return msgspec.json.decode((self.path / "guest.json").read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, record: Record) -> None:
        write_atomic(self.path / "guest.json", msgspec.json.encode(record))
        if not self.beside:
            RunFiles(self.path).show(record.guest.nics)

    def process(self) -> int | None:
        """The process that is this guest's QEMU.

        QEMU holds a lock on its PID file as long as it lives, and the kernel reports the lock's
        owner: a reused PID is never returned.
        """
        try:
            return lock_owner(self.path / PID_FILE)
        except OSError:
            return None

    def belongs_to(self, pid: int) -> bool:
        """Whether a process in this directory may be the recorded guest, even if it has just been started."""
        return self.read() is not None and self.process() in (None, pid)

    def left_in_order(self) -> bool:
        """Whether a QEMU that has ended exited cleanly: then it has removed its PID file."""
        return not (self.path / PID_FILE).exists()


def directory_of(paths: Paths, name: str) -> GuestDirectory:
    """Raises WrongInput for a name that is not a host name and might lead elsewhere."""
    ensure_host_name(name, "instance_name")
    return GuestDirectory(paths.run / _OWN / name)


def directories(paths: Paths) -> Iterator[GuestDirectory]:
    """Those of all guests."""
    base = paths.run / _OWN
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        if path.is_dir():
            yield GuestDirectory(path)


def directories_beside(paths: Paths) -> Iterator[GuestDirectory]:
    """Those of QEMUs that have not taken the place of another one yet."""
    for path in sorted((paths.run / _BESIDE).glob("*/*")):
        if path.is_dir() and not path.is_symlink():
            yield GuestDirectory(path, beside=True)


def _beside(path: Path) -> Path:
    return path.parent.with_name(_BESIDE) / path.name


def running_in(paths: Paths) -> Iterator[tuple[int, GuestDirectory]]:
    """The processes whose working directory is that of a guest, which are only QEMU's; the directory may be deleted."""
    base = f"{paths.run.resolve()}/{_OWN}/"
    for process in processes():
        with suppress(OSError):  # it has ended meanwhile
            place = str((process / "cwd").readlink()).removesuffix(" (deleted)")
            if place.startswith(base):
                yield int(process.name), GuestDirectory(Path(base) / place.removeprefix(base).split("/")[0])
