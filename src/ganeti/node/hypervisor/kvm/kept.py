# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's machine keeps while it is off, like a board its battery-backed memory.

It is on the node where the guest ran last, below ``/var/lib/ganeti/machines``, by the guest's UUID: the variables of
its UEFI (boot entries, keys). A migration carries it in the guest's own stream, other moves as a ``MachineState``.
"""

from __future__ import annotations

import re
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import WrongInput
from ganeti.host.files import write_atomic
from ganeti.model.machine_state import LARGEST_PART, MachineState, Part
from ganeti.node.hypervisor.kvm.ovmf import Build

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Kept:
    """``machines``: the directory for all guests.

    Raises WrongInput for a UUID that is none and might lead elsewhere.
    """

    machines: Path
    uuid: str

    def __post_init__(self) -> None:
        if not UUID.fullmatch(self.uuid):
            raise WrongInput(f"'{self.uuid}' is not a UUID")

    @property
    def path(self) -> Path:
        return self.machines / self.uuid

    def variables(self, build: Build) -> Path:
        return self.path / f"{build.name}.vars"

    def prepare(self, build: Build | None, *, fresh: bool) -> None:
        """Have all files that the machine needs. ``fresh``: a migration brings their content. Raises OSError."""
        if fresh:
            self.forget()
        if build is None:
            return
        self._make()
        if not self.variables(build).exists():
            write_atomic(self.variables(build), build.variables.read_bytes())

    def read(self) -> MachineState:
        """Raises OSError."""
        found = {part: path for part, path in self._parts().items() if path.is_file()}
        return MachineState({part: zlib.compress(path.read_bytes()) for part, path in found.items()})

    def write(self, state: MachineState) -> None:
        """Replace all of it. Raises OSError, and WrongInput for what no machine has kept."""
        contents = {part: _expanded(part, packed) for part, packed in state.parts.items()}
        self.forget()
        self._make()
        for part, content in contents.items():
            write_atomic(self._parts()[part], content)

    def forget(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def forget_variables(self) -> None:
        for path in self.path.glob("*.vars"):
            path.unlink()

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _parts(self) -> dict[Part, Path]:
        return {"uefi": self.path / "uefi.vars", "uefi-secure": self.path / "uefi-secure.vars"}


def _expanded(part: Part, packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, LARGEST_PART)
    except zlib.error:
        content = b""
    if not unpacking.eof:
        raise WrongInput(f"What a machine keeps ('{part}') is damaged, or larger than {LARGEST_PART} bytes")
    return content
