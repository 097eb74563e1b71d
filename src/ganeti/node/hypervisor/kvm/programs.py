# SPDX-License-Identifier: BSD-2-Clause
"""Whether a QEMU runs what is installed now (proc(5)): its program, and the libraries that it has loaded."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_DELETED = " (deleted)"
_ELF = b"\x7fELF"
# What is mapped from no installed file: memory that a process shares, devices.
_NO_LIBRARIES = ("/memfd:", "/dev/", "/SYSV", "/anon_hugepage", "/i915")


def replaced(pid: int, program: Path) -> tuple[str, ...]:
    """The files that process ``pid`` runs and that were replaced or removed since.

    ``program``: what a start would take. One that is a script may start anything and is not compared. Raises OSError.
    """
    own = (str(program),) if _is_another(pid, program) else ()
    return (*own, *_removed_libraries(pid))


def _is_another(pid: int, program: Path) -> bool:
    running = Path(f"/proc/{pid}/exe")
    if str(running.readlink()).endswith(_DELETED):
        return True
    with program.open("rb") as opened:
        if opened.read(len(_ELF)) != _ELF:
            return False
        one, other = os.fstat(opened.fileno()), running.stat()
    return (one.st_dev, one.st_ino) != (other.st_dev, other.st_ino)


def _removed_libraries(pid: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    with suppress(PermissionError), Path(f"/proc/{pid}/maps").open(errors="replace") as maps:
        for line in maps:
            words = line.rstrip("\n").split(maxsplit=5)
            if len(words) > 5 and "x" in words[1] and words[5].endswith(_DELETED):
                found[words[5].removesuffix(_DELETED)] = None
    exe = str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(_DELETED)
    return tuple(path for path in found if path != exe and not path.startswith(_NO_LIBRARIES))
