# SPDX-License-Identifier: BSD-2-Clause
"""Files from which other programs read the configuration. This software never reads them."""

from __future__ import annotations

import logging
from pathlib import Path

from ganeti.config.following import Followed
from ganeti.config.ganeti_form import GanetiForm
from ganeti.host.files import Stamp, stamp, write_atomic
from ganeti.host.paths import Paths

_log = logging.getLogger(__name__)

# As in Ganeti; there the group is that of its daemons, here root's.
_MODE = 0o640


class Mirror:
    """``update`` writes what has changed in the configuration, and restores what was changed in the files."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._form = GanetiForm()
        self._taken = False
        self._followed: Followed | None = None
        self._data = _Written(paths.config_data)
        self._drain = _Written(paths.queue_drain)

    def update(self, followed: Followed | None) -> None:
        """Raises OSError. Without a configuration, the files are removed."""
        if followed is not self._followed or not self._taken:
            self._take(followed)
        for written in (self._data, self._drain):
            written.restore()

    def _take(self, followed: Followed | None) -> None:
        self._form = self._form if followed else GanetiForm()
        self._data.put(self._form.rendered(followed.state, followed.revision) if followed else None)
        self._drain.put(b"" if followed and followed.state.cluster.drained_queue else None)
        self._followed, self._taken = followed, True


class _Written:
    """A file, and its intended content; None for no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content: bytes | None = None
        self._stamp: Stamp | None = None
        self._known = False  # whether it was written since this daemon has started
        self._missed = False

    def put(self, content: bytes | None) -> None:
        if self._known and content == self._content and stamp(self._path) == self._stamp:
            return
        if self._known and not (content is None and stamp(self._path) is None):
            self._tell()
        self._content = content
        self._write()

    def restore(self) -> None:
        """Write it again if it was changed.

        A removed file is restored after a moment only: where a node leaves its cluster, the configuration is removed
        soon after.
        """
        found = stamp(self._path)
        if not self._known or found == self._stamp:
            return
        self._missed = found is None and not self._missed
        if not self._missed:
            self._tell()
            self._write()

    def _tell(self) -> None:
        found = stamp(self._path)
        if found != self._stamp and not self._untouched():
            what = "removed" if found is None else "made" if self._content is None else "changed"
            _log.warning(
                "%s was %s by somebody; nothing reads it, and it is %s",
                self._path,
                what,
                "removed" if self._content is None else "written again",
            )

    def _untouched(self) -> bool:
        try:
            return self._path.read_bytes() == self._content
        except OSError:
            return False

    def _write(self) -> None:
        if self._content is None:
            self._path.unlink(missing_ok=True)
        else:
            # At its start this daemon writes them in any case, so nothing needs to survive a power cut.
            write_atomic(self._path, self._content, mode=_MODE, durable=False)
        self._stamp, self._known, self._missed = stamp(self._path), True, False
