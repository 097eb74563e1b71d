# SPDX-License-Identifier: BSD-2-Clause
"""Stale files that were never removed."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from ganeti.host.paths import Paths

INTERRUPTED = 86_400.0  # seconds after which an unfinished file is abandoned
OUTDATED = 21 * 86_400.0  # seconds after which the watcher's information is useless, as in ganeti-cleaner(8)
# The temporary file left by a process that was killed while replacing a file; see ``write_atomic``.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")


def leftovers(paths: Paths, now: float) -> list[Path]:
    """In the cluster's own directory. On the master the watcher's files are always recent."""
    return [*_older(_unfinished(paths), now - INTERRUPTED), *_older(paths.instance_statuses(), now - OUTDATED)]


def _unfinished(paths: Paths) -> Iterator[Path]:
    return (path for path in sorted(paths.state.rglob(".*")) if _UNFINISHED.fullmatch(path.name))


def _older(found: Iterator[Path] | list[Path], moment: float) -> Iterator[Path]:
    for path in found:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode) and status.st_mtime < moment:
            yield path
