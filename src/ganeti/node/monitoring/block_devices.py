# SPDX-License-Identifier: BSD-2-Clause
"""I/O statistics of this machine's block devices (Linux, "Documentation/admin-guide/iostats.rst")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_NAMES = (
    "readsNum",
    "mergedReads",
    "secRead",
    "timeRead",
    "writes",
    "mergedWrites",
    "secWritten",
    "timeWrite",
    "ios",
    "timeIO",
    "wIOmillis",
)


def block_devices(file: Path = Path("/proc/diskstats")) -> list[dict[str, Any]]:
    """Newer kernels have more fields, which readers of this format do not know."""
    return [_device(line.split()) for line in file.read_text().splitlines() if line.strip()]


def _device(words: list[str]) -> dict[str, Any]:
    major, minor, name, *numbers = words
    counters = dict(zip(_NAMES, map(int, numbers), strict=False))
    return {"major": int(major), "minor": int(minor), "name": name, **counters}
