# SPDX-License-Identifier: BSD-2-Clause
"""Ganeti's own htools, from Debian's packages: unpacked into .cache/oracle, never installed."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_UNPACKED = _ROOT / ".cache/oracle"
_PACKAGES = ("ganeti-htools-3.0", "libpcre3")
_PROGRAM = "usr/lib/ganeti/3.0/usr/bin/htools"


class NoOracle(Exception):
    """The real tools cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """The real tools, unpacked under ``root``."""

    root: Path

    def run(self, tool: str, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """One run, with its output as text. Raises subprocess.TimeoutExpired."""
        libraries = [f"{self.root}/{part}/{platform.machine()}-linux-gnu" for part in ("lib", "usr/lib")]
        environment = {**os.environ, "HTOOLS": tool, "LD_LIBRARY_PATH": ":".join(libraries)}
        command = (str(self.root / _PROGRAM), *arguments)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=timeout)


def find() -> Oracle:
    """The tools, if they are there: GANETI_ORACLE names the directory. Raises NoOracle."""
    root = Path(os.environ.get("GANETI_ORACLE", _UNPACKED))
    if not (root / _PROGRAM).is_file():
        raise NoOracle(f"Ganeti's htools are not in {root}; './run bench placement' fetches them")
    oracle = Oracle(root)
    if oracle.run("hinfo", "--version").returncode:
        raise NoOracle(f"Ganeti's htools in {root} do not run on this machine")
    return oracle


def fetch() -> Oracle:
    """The tools, fetched from Debian's archive if they are not there. Raises NoOracle."""
    try:
        return find()
    except NoOracle:
        if "GANETI_ORACLE" in os.environ:
            raise
    packages = _UNPACKED / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for package in _PACKAGES:
        _download(package, packages)
    for file in sorted(packages.glob("*.deb")):
        _call("dpkg-deb", "-x", str(file), str(_UNPACKED))
    return find()


def _download(package: str, directory: Path) -> None:
    _call("apt-get", "download", package, directory=directory)


def _call(*command: str, directory: Path = _ROOT) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoOracle(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it failed without a word").splitlines()[-1]
        raise NoOracle(f"{' '.join(command)}: {last}")
