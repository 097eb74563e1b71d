# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's machine keeps while it is off, like a board its battery-backed memory.

It is on the node where the guest ran last, below ``/var/lib/ganeti/machines``, by the guest's UUID: the variables of
its UEFI (boot entries, keys) and the state of its TPM. A migration carries it in the guest's own stream, other moves as
a ``MachineState``.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from pwd import struct_passwd

from ganeti.errors import WrongInput
from ganeti.host.files import lock_owner, write_atomic
from ganeti.model.machine_state import LARGEST_PART, VARIABLES, MachineState, Part
from ganeti.node.hypervisor.kvm.ovmf import Build

_TPM, _TPM_BESIDE = "tpm", "tpm.beside"  # directories
_TPM_FILE = "tpm2-00.permall"  # swtpm's name for what outlives a reset (its swtpm(8))

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Kept:
    """``machines``: the directory for all guests. ``beside``: for a QEMU that gets its guest from another one here.

    Raises WrongInput for a UUID that is none and might lead elsewhere.
    """

    machines: Path
    uuid: str
    beside: bool = False

    def __post_init__(self) -> None:
        if not UUID.fullmatch(self.uuid):
            raise WrongInput(f"'{self.uuid}' is not a UUID")

    @property
    def path(self) -> Path:
        return self.machines / self.uuid

    def variables(self, build: Build) -> Path:
        return self.path / f"{build.name}.vars"

    @property
    def tpm(self) -> Path:
        """The directory of the TPM's state, in which swtpm runs."""
        return self.path / (_TPM_BESIDE if self.beside else _TPM)

    def prepare(self, build: Build | None, *, tpm: bool, fresh: bool) -> None:
        """Have all files that the machine needs. ``fresh``: a migration brings their content. Raises OSError."""
        if self.beside:
            self.forget_tpm()
        elif fresh:
            self.forget()
        if build and not self.variables(build).exists():
            self._make()
            write_atomic(self.variables(build), build.variables.read_bytes())
        if tpm:
            self._make()
            self.tpm.mkdir(mode=0o700, exist_ok=True)

    def leave_tpm_to(self, owner: struct_passwd | None) -> None:
        """To the user that swtpm runs as; None for this one. What an earlier one has linked there is removed."""
        uid, gid = (owner.pw_uid, owner.pw_gid) if owner else (os.getuid(), os.getgid())
        directory = os.open(self.tpm, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            with os.scandir(directory) as entries:
                for name in [entry.name for entry in entries]:
                    if not _given(name, directory, uid, gid):
                        os.unlink(name, dir_fd=directory)
            os.fchown(directory, uid, gid)
        finally:
            os.close(directory)

    def tpm_process(self) -> int | None:
        """The swtpm that has the TPM's state, which it locks."""
        try:
            return lock_owner(self.tpm / ".lock")
        except OSError:
            return None

    def read_variables(self, build: Build) -> bytes:
        """Empty before the guest's first start. Raises OSError."""
        return _content(self.variables(build))

    def read(self) -> MachineState:
        """Raises OSError."""
        found = {part: _content(path) for part, path in self._parts().items()}
        return MachineState({part: zlib.compress(content) for part, content in found.items() if content})

    def write(self, state: MachineState) -> None:
        """Replace all of it. Raises OSError, and WrongInput for what no machine has kept."""
        contents = {part: _expanded(part, packed) for part, packed in state.parts.items()}
        self.forget()
        self._make()
        for part, content in contents.items():
            write_atomic(self._parts()[part], content)

    def forget(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def forget_tpm(self) -> None:
        shutil.rmtree(self.tpm, ignore_errors=True)

    def take_place(self) -> None:
        """Have the TPM of the QEMU ``beside`` be the machine's; nothing if there is none. Raises OSError."""
        if self.tpm.is_dir():
            own = replace(self, beside=False)
            own.forget_tpm()
            self.tpm.rename(own.tpm)

    def forget_variables(self) -> None:
        for path in self.path.glob("*.vars"):
            path.unlink()

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _parts(self) -> dict[Part, Path]:
        variables: dict[Part, Path] = {part: self.path / f"{part}.vars" for part in VARIABLES}
        return variables | {"tpm": self.tpm / _TPM_FILE}


def _given(name: str, directory: int, uid: int, gid: int) -> bool:
    """Whether it is a file with no other name, which then belongs to the user."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError:
        return False
    try:
        found = os.fstat(file)
        alone = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if alone:
            os.fchown(file, uid, gid)
        return alone
    finally:
        os.close(file)


def _content(path: Path) -> bytes:
    """Empty if there is none. The user that swtpm runs as may have put anything there."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return b""
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_PART:
            raise OSError(errno.EINVAL, "it is not a regular file of this size", str(path))
        return opened.read()


def _expanded(part: Part, packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, LARGEST_PART)
    except zlib.error:
        content = b""
    if not unpacking.eof:
        raise WrongInput(f"What a machine keeps ('{part}') is damaged, or larger than {LARGEST_PART} bytes")
    return content
