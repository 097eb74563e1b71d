# SPDX-License-Identifier: BSD-2-Clause
"""Following the state that another daemon of this machine writes: the master's, or the replica of a candidate."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from msgspec import Raw

from ganeti.config.reading import Reading
from ganeti.config.sqlite import reader_of
from ganeti.config.store import FORMAT
from ganeti.errors import StoreFailed
from ganeti.host.files import stamp
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.state import CLASSES, State
from ganeti.rpc.contract.store import Record

_KINDS = ", ".join(f"'{kind}'" for kind in CLASSES)
_KIND = {str(kind): kind for kind in CLASSES}
_Rows = dict[tuple[Kind, str], str]


@dataclass(frozen=True, slots=True)
class Followed:
    state: State
    revision: int


class Writes:
    """Notices when a database is written by another process; no file is kept open for it."""

    def __init__(self, path: Path) -> None:
        self._files = (path, path.with_name(f"{path.name}-wal"))
        self._stamps: list[tuple[int, ...] | None] = []
        self._again = False

    def look(self) -> bool | None:
        """Whether it may have been written since the last look; None if there is none."""
        stamps = [_written(path) for path in self._files]
        if stamps[0] is None:
            self.forget()
            return None
        # File times are coarse: reading once more after the last change makes sure that none is missed.
        changed = stamps != self._stamps
        changed, self._again, self._stamps = changed or self._again, changed, stamps
        return changed

    def forget(self) -> None:
        """The next look finds it written."""
        self._stamps = []


class Follower:
    """Decodes only the records that have changed since the last time; no file is kept open in between.

    Unreadable records are skipped, as by the master.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writes = Writes(path)
        self._reading = Reading()
        self._seen: dict[tuple[Kind, str], int] = {}  # a hash of each record
        self._found: Followed | None = None

    def look(self) -> Followed | None:
        """The present state: the same object as last time if nothing has changed; None if there is none.

        Raises StoreFailed.
        """
        written = self._writes.look()
        if written is None:
            self._forget()
        elif written:
            self._read()
        return self._found

    def _read(self) -> None:
        revision, rows = self._rows()
        hashes = {key: hash(body) for key, body in rows.items()}
        if hashes == self._seen:
            return
        if self._reading.problems:  # what refers to something unreadable is read again too
            self._reading, self._seen = Reading(), {}
        try:
            self._take(rows, hashes)
        except BaseException:
            self._forget()
            raise
        self._found = Followed(self._reading.state, revision) if self._reading.whole else None

    def _take(self, rows: _Rows, hashes: dict[tuple[Kind, str], int]) -> None:
        """Remove old versions before adding new ones: a name or an address may have moved to another object."""
        new = [key for key, value in hashes.items() if self._seen.get(key) != value]
        old = [key for key in self._seen if key not in hashes] + [key for key in new if key in self._seen]
        state = self._reading.state
        known = [entity for kind, uuid in old if isinstance(entity := state.entities[kind].get(uuid), Entity)]
        self._reading.state = state.changed((), known)
        for kind, cls in CLASSES.items():
            for key in new:
                if key[0] is kind:
                    self._reading.take(kind, cls, Record(kind, key[1], Raw(rows[key].encode())))
        self._seen = hashes

    def _rows(self) -> tuple[int, _Rows]:
        try:
            with closing(reader_of(self._path)) as reader:
                reader.execute("BEGIN")
                form, revision = reader.execute("SELECT format, revision FROM position").fetchone()
                found = reader.execute(f"SELECT kind, key, body FROM record WHERE kind IN ({_KINDS})").fetchall()  # noqa: S608 - words of ours
        except sqlite3.Error as error:
            self._forget()
            raise StoreFailed(f"The cluster's state in {self._path} cannot be read: {error}") from None
        if form not in (0, FORMAT):
            self._forget()
            raise StoreFailed(f"The cluster's state in {self._path} has format {form}, and not {FORMAT}")
        return revision, {(_KIND[kind], key): body for kind, key, body in found}

    def _forget(self) -> None:
        self._writes.forget()
        self._reading, self._seen, self._found = Reading(), {}, None


def _written(path: Path) -> tuple[int, ...] | None:
    """Without ctime: SQLite, as root, sets the owner of a log whenever it opens it, even for reading."""
    if (found := stamp(path)) is None:
        return None
    written, _, size, inode = found
    return written, size, inode
