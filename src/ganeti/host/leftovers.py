# SPDX-License-Identifier: BSD-2-Clause
"""Files that nobody will use any more, and that nobody took away."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from ganeti.host.paths import Paths

INTERRUPTED = 86_400.0  # seconds after which nobody goes on writing a file
OUTDATED = 21 * 86_400.0  # seconds after which the watcher's information is of no use, as ganeti-cleaner(8) has it
# What a process that was killed while it replaced a file has left beside it; see ``write_atomic``.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}")


def leftovers(paths: Paths, now: float) -> list[Path]:
    """In the cluster's own directory. What the watcher writes on the master is young as long as a node is that."""
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
