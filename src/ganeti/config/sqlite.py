# SPDX-License-Identifier: BSD-2-Clause
"""The embedded store: one SQLite file.

Write-ahead log with full synchronisation: a batch that was acknowledged survives a power cut
(sqlite.org, "Write-Ahead Logging", "PRAGMA synchronous"). Writes run in a thread of their own so that
the daemon goes on while the disk works; reads are made at start-up, or are small.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from ganeti.config.store import FORMAT, digests, part_of, range_of
from ganeti.errors import StoreFailed
from ganeti.host.files import make_private, sync
from ganeti.rpc.contract.store import Batch, Position, Record

# The value of user_version: the layout of the tables, not the format of the records in them.
_LAYOUT = 1
_LINGERING = 60.0  # maximum seconds that the log keeps what was written
_RECORDS = "SELECT kind, key, body FROM record"
_TABLES = """
CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key))
    WITHOUT ROWID;
CREATE TABLE position (format INTEGER NOT NULL, revision INTEGER NOT NULL);
INSERT INTO position VALUES (0, 0);
"""


class SqliteStore:
    """``path`` is created if it is not there. Closing flushes the log into the file.

    Deleted or replaced content is overwritten in the file, and is gone from the log ``_LINGERING`` seconds after
    it was written, so that secrets that were removed from a record are in neither.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._flushing: asyncio.TimerHandle | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            for each in (path, *path.parent.glob(f"{path.name}-*")):  # SQLite gives new ones the mode of the first
                make_private(each)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")

    def position(self) -> Position:
        with self._explained():
            form, revision = self._connection.execute("SELECT format, revision FROM position").fetchone()
        return Position(form, revision)

    def load(self, kind: str, prefix: str = "") -> list[Record]:
        with self._explained():
            rows = _beginning(self._connection, kind, prefix).fetchall()
        return [_record(row) for row in rows]

    def all(self) -> tuple[Record, ...]:
        with self._explained():
            rows = self._connection.execute(_RECORDS).fetchall()
        return tuple(_record(row) for row in rows)

    async def digested(self, parts: Collection[str] = ()) -> Position:
        return await asyncio.to_thread(self._digested, parts)

    async def write(self, batches: Sequence[Batch]) -> None:
        await self._in_thread(self._write, tuple(batches))
        self._flush_later()

    async def replace(self, position: Position, records: Sequence[Record]) -> None:
        await self._in_thread(self.replace_now, position, tuple(records))
        self._flush_later()

    def close(self) -> None:
        if self._flushing:
            self._flushing.cancel()
        self._writer.shutdown()
        self._connection.close()

    def _flush_later(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_LINGERING, self._flush_soon)

    def _flush_soon(self) -> None:
        self._flushing = None
        self._writer.submit(self.flush)

    def flush(self) -> None:
        """Write the log into the file and truncate it. What cannot be done now is done with later writes."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _digested(self, parts: Collection[str]) -> Position:
        """On a connection of its own, so that it reads one snapshot while others write."""
        with self._explained(), closing(reader_of(self._path)) as reader:
            reader.execute("BEGIN")
            form, revision = reader.execute("SELECT format, revision FROM position").fetchone()
            rows = _of_parts(reader, parts) if parts else reader.execute(f"{_RECORDS} ORDER BY kind, key")
            return Position(form, revision, digests=digests(rows))

    def _write(self, batches: Sequence[Batch]) -> None:
        with self._transaction() as cursor:
            for batch in batches:
                self._apply(cursor, batch.records)
            cursor.execute("UPDATE position SET format = ?, revision = ?", (FORMAT, batches[-1].revision))

    def replace_now(self, position: Position, records: Sequence[Record]) -> None:
        """Like ``replace``, for callers without an event loop."""
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM record")
            self._apply(cursor, records)
            cursor.execute("UPDATE position SET format = ?, revision = ?", (position.format, position.revision))

    def _apply(self, cursor: sqlite3.Cursor, records: Sequence[Record]) -> None:
        for record in records:
            if record.deleted:
                cursor.execute("DELETE FROM record WHERE kind = ? AND key = ?", (record.kind, record.key))
            else:
                row = (record.kind, record.key, bytes(record.body).decode())
                cursor.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with self._explained():
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.rollback()
                raise

    def _prepare(self) -> None:
        connection = self._connection
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if layout > _LAYOUT:
            raise StoreFailed(
                f"{self._path} was written by a newer version of the software (layout {layout}, "
                f"this version supports {_LAYOUT}); upgrade this node"
            )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        if layout == 0:
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_LAYOUT}; COMMIT;")

    async def _in_thread(self, work: object, *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work, *arguments)  # type: ignore[arg-type]  # methods above

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreFailed(f"The cluster's state in {self._path} cannot be accessed: {_advice(error)}") from None
        except OSError as error:
            raise StoreFailed(f"The cluster's state in {self._path} cannot be accessed: {error.strerror}") from None


async def position_of(path: Path, *, digested: bool) -> Position:
    """The position of the state in a file, in use or not; format 0 if there is none. Raises StoreFailed."""
    if not path.exists():
        return Position(0, 0)
    store = SqliteStore(path)
    try:
        return await store.digested() if digested else store.position()
    finally:
        store.close()


def reader_of(path: Path) -> sqlite3.Connection:
    """A read-only connection; others may write meanwhile. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def copy_store(path: Path, copy: Path) -> None:
    """A copy of the state in a file, with what is in its log; an earlier copy is kept until this one is complete.

    Raises StoreFailed.
    """
    new = copy.with_name(f".{copy.name}.new")
    try:
        new.unlink(missing_ok=True)
        make_private(new)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(new)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        sync(new)
        new.replace(copy)
        sync(copy.parent)
    except sqlite3.Error as error:
        raise StoreFailed(f"The cluster's state in {path} cannot be copied to {copy}: {_advice(error)}") from None
    except OSError as error:
        raise StoreFailed(f"The cluster's state cannot be copied to {copy}: {error.strerror}") from None


def _beginning(connection: sqlite3.Connection, kind: str, prefix: str) -> sqlite3.Cursor:
    query = f"{_RECORDS} WHERE kind = ? AND key >= ? AND key < ? ORDER BY key"
    return connection.execute(query, (kind, prefix, prefix + "\U0010ffff"))


def _of_parts(connection: sqlite3.Connection, parts: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for part in parts:
        yield from (row for row in _beginning(connection, *range_of(part)) if part_of(*row[:2]) == part)


def _record(row: tuple[str, str, str]) -> Record:
    kind, key, body = row
    return Record(kind, key, msgspec.Raw(body.encode()))


def _advice(error: sqlite3.Error) -> str:
    told = str(error)
    if "full" in told:
        return "the disk is full; free some space, then try again"
    if "malformed" in told or "not a database" in told:
        return f"the file is damaged ({told}); restore it from another master candidate"
    return told
