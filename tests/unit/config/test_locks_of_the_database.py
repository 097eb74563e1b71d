# SPDX-License-Identifier: BSD-2-Clause
"""A database that several processes have open."""

import asyncio
import subprocess
import sys

from ganeti.config.sqlite import SqliteStore, position_of
from ganeti.config.store import FORMAT
from ganeti.rpc.contract.store import Position

OPEN_AND_CLOSE = """
import sys; from pathlib import Path; from ganeti.config.sqlite import SqliteStore
SqliteStore(Path(sys.argv[1])).close()
"""


def revision_of(path):
    return asyncio.run(position_of(path, digested=False)).revision


def test_looking_at_a_database_does_not_make_another_process_take_itself_for_the_only_one(tmp_path):
    """The last one that closes removes the log, from under whoever is not seen to be there."""
    path = tmp_path / "cluster.db"
    store = SqliteStore(path)
    store.replace_now(Position(FORMAT, 1), [])
    assert revision_of(path) == 1
    subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, path], check=True)
    store.replace_now(Position(FORMAT, 2), [])
    assert revision_of(path) == 2
    assert store.position().revision == 2
    store.close()
