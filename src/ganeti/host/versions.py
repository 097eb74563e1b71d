# SPDX-License-Identifier: BSD-2-Clause
"""The versions of this software on a machine, as ``./run install`` puts them there.

Each is a virtual environment of its own, ``/opt/ganeti/VERSION``. ``/opt/ganeti/current`` is a link to the one in use,
and ``/opt/ganeti/bin`` to its programs: commands and units refer to these, whatever the version.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti.errors import UnknownEntity
from ganeti.host.files import sync
from ganeti.host.paths import Paths

# Beside a version's programs; written last, so a partly installed version has none.
RECORD = "installed.json"
_CURRENT = "current"


class Version(Struct, frozen=True):
    """``format``: the newest format of the cluster's state that this version can read."""

    version: str
    format: int


@dataclass(frozen=True, slots=True)
class Versions:
    paths: Paths

    @property
    def directory(self) -> Path:
        return self.paths.software

    def installed(self) -> tuple[Version, ...]:
        """The completely installed versions; none if this software was installed in another way."""
        found = (_read(path) for path in sorted(self.directory.glob(f"*/{RECORD}")) if not path.parent.is_symlink())
        return tuple(version for version in found if version)

    def find(self, name: str) -> Version | None:
        return next((version for version in self.installed() if version.version == name), None)

    def current(self) -> str | None:
        """The one in use."""
        link = self.directory / _CURRENT
        return link.readlink().name if link.is_symlink() else None

    def program(self, name: str) -> Path:
        return self.directory / "bin" / name

    def switch(self, name: str) -> None:
        """Use this version from now on, durably; running processes are unaffected.

        Raises UnknownEntity if not installed.
        """
        if not self.find(name):
            there = ", ".join(version.version for version in self.installed()) or "none"
            raise UnknownEntity(f"Version {name} is not installed in {self.directory} (installed: {there})")
        new = self.directory / f".{_CURRENT}.{os.getpid()}"
        new.unlink(missing_ok=True)
        new.symlink_to(name)
        new.rename(self.directory / _CURRENT)
        sync(self.directory)


def _read(path: Path) -> Version | None:
    """None if it is not a record of the version whose directory it is in."""
    try:
        version = msgspec.json.decode(path.read_bytes(), type=Version)
    except (OSError, msgspec.MsgspecError):
        return None
    return version if version.version == path.parent.name else None
