# SPDX-License-Identifier: BSD-2-Clause
"""What this machine's block devices have done (Linux, "Documentation/admin-guide/iostats.rst")."""

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
    """Kernels of today tell more of each, which no reader of this form knows."""
    return [_device(line.split()) for line in file.read_text().splitlines() if line.strip()]


def _device(words: list[str]) -> dict[str, Any]:
    major, minor, name, *numbers = words
    counters = dict(zip(_NAMES, map(int, numbers), strict=False))
    return {"major": int(major), "minor": int(minor), "name": name, **counters}
