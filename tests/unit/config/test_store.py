# SPDX-License-Identifier: BSD-2-Clause
"""Both stores, and what only the one on disk can show."""

import asyncio
import sqlite3

import msgspec
import pytest

from ganeti.config.memory import MemoryStore
from ganeti.config.sqlite import SqliteStore, copy_store
from ganeti.config.store import FORMAT
from ganeti.errors import StoreFailed
from ganeti.rpc.contract.store import Batch, Position, Record


@pytest.fixture(params=["sqlite", "memory"])
def store(request, tmp_path):
    made = SqliteStore(tmp_path / "cluster.db") if request.param == "sqlite" else MemoryStore()
    yield made
    made.close()


def record(kind, key, value):
    return Record(kind, key, msgspec.Raw(msgspec.json.encode(value)))


def values(records):
    return [(r.key, msgspec.json.decode(r.body)) for r in records]


async def test_a_new_store_is_empty(store):
    assert store.position() == Position(0, 0)
    assert store.all() == ()


async def test_what_was_written_is_read_by_kind_and_key(store):
    await store.write(
        [Batch(revision=1, records=(record("job", "2", "b"), record("job", "10", "c"), record("node", "1", "n")))]
    )
    assert values(store.load("job")) == [("10", "c"), ("2", "b")]
    assert values(store.load("job", "2")) == [("2", "b")]
    assert store.position() == Position(FORMAT, 1)


async def test_a_record_without_a_body_is_deleted(store):
    await store.write([Batch(revision=1, records=(record("job", "1", "a"), record("job", "2", "b")))])
    await store.write([Batch(revision=2, records=(Record("job", "1"), record("job", "2", "B")))])
    assert values(store.load("job")) == [("2", "B")]


async def test_replacing_leaves_nothing_of_what_was_there(store):
    await store.write([Batch(revision=1, records=(record("job", "1", "a"),))])
    await store.replace(Position(FORMAT, 7), [record("node", "x", 1)])
    assert (store.load("job"), values(store.load("node"))) == ([], [("x", 1)])
    assert store.position() == Position(FORMAT, 7)


async def test_a_store_on_disk_is_the_same_after_it_was_opened_again(tmp_path):
    store = SqliteStore(tmp_path / "cluster.db")
    await store.write([Batch(revision=1, records=(record("job", "1", {"a": "ü"}),))])
    store.close()
    again = SqliteStore(tmp_path / "cluster.db")
    assert values(again.load("job")) == [("1", {"a": "ü"})]
    again.close()


async def test_a_copy_has_what_is_in_the_log_too_and_is_readable_by_nobody_else(tmp_path):
    store = SqliteStore(tmp_path / "cluster.db")
    copy = tmp_path / "cluster.db.4.0.0"
    for revision in (1, 2):
        await store.write([Batch(revision=revision, records=(record("node", str(revision), "n"),))])
        copy_store(tmp_path / "cluster.db", copy)  # the second in the place of the first
    assert copy.stat().st_mode & 0o077 == 0
    store.close()
    assert {path.name for path in tmp_path.iterdir()} == {"cluster.db", copy.name}
    again = SqliteStore(copy)
    assert (again.position().revision, len(again.all())) == (2, 2)
    again.close()


async def test_a_store_on_disk_is_readable_by_nobody_else(tmp_path):
    SqliteStore(tmp_path / "cluster.db").close()
    assert (tmp_path / "cluster.db").stat().st_mode & 0o077 == 0


async def test_a_full_disk_leaves_what_was_there_and_goes_on_when_there_is_room(tmp_path):
    store = SqliteStore(tmp_path / "cluster.db")
    await store.write([Batch(revision=1, records=(record("job", "1", "a"),))])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFailed, match="disk is full; free some space"):
        await store.write([Batch(revision=2, records=(record("job", "2", "x" * 100_000),))])
    assert values(store.load("job")) == [("1", "a")]
    assert store.position().revision == 1
    store._connection.execute("PRAGMA max_page_count = 1000000")
    await store.write([Batch(revision=2, records=(record("job", "2", "b"),))])
    assert store.position().revision == 2
    store.close()


def test_a_damaged_file_is_told_as_such(tmp_path):
    path = tmp_path / "cluster.db"
    path.write_bytes(b"this is no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreFailed, match="the file is damaged"):
        SqliteStore(path)


def test_a_file_of_a_newer_version_is_not_touched(tmp_path):
    path = tmp_path / "cluster.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreFailed, match="newer version of the software"):
        SqliteStore(path)
    assert path.read_bytes() == before


async def test_what_is_deleted_is_gone_from_the_files_once_the_log_is_flushed(tmp_path):
    store = SqliteStore(tmp_path / "cluster.db")
    await store.write([Batch(revision=1, records=(record("job", "1", "hunter2"), record("job", "2", "x" * 20_000)))])
    store.flush()
    assert any(b"hunter2" in path.read_bytes() for path in tmp_path.iterdir())
    await store.write([Batch(revision=2, records=(record("job", "1", "blank"), Record("job", "2")))])
    store.flush()
    assert not any(word in path.read_bytes() for path in tmp_path.iterdir() for word in (b"hunter2", b"xxxxxxxx"))
    store.close()


async def test_the_log_is_flushed_soon_after_each_write(tmp_path, monkeypatch):
    flushed = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr("ganeti.config.sqlite._LINGERING", 0.0)
    monkeypatch.setattr(SqliteStore, "flush", lambda self: loop.call_soon_threadsafe(flushed.set))
    store = SqliteStore(tmp_path / "cluster.db")
    await store.write([Batch(revision=1, records=(record("job", "1", "a"),))])
    async with asyncio.timeout(60):
        await flushed.wait()
    store.close()


def test_files_of_an_older_version_that_everybody_could_read_are_private_when_they_are_opened(tmp_path):
    path = tmp_path / "cluster.db"
    SqliteStore(path).close()
    path.chmod(0o644)
    store = SqliteStore(path)
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    store.close()
