# SPDX-License-Identifier: BSD-2-Clause
"""Directories that do not answer."""

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.template import StorageUnit
from ganeti.node.storage import answering
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.file import FileStorage

SHARED = "/srv/ganeti/shared-file-storage"
OWN = "/srv/ganeti/file-storage"


class Server:
    """Those of the directories ``silent`` do not answer until it is back."""

    def __init__(self, *silent):
        self.silent = {Path(place) for place in silent}
        self.back = threading.Event()
        self.asked = 0

    def ask(self, place):
        self.asked += 1
        if place in self.silent:
            self.back.wait()


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setattr(answering, "ANSWER", 0.05)
    server = Server(tmp_path / SHARED[1:])
    yield server
    server.back.set()


def disk(template, place):
    uuid = "7e0c4a0f-7d6f-4bb1-9ad4-c7bc8b1dfd3a"
    return Disk(uuid=uuid, template=template, size=1, location=f"{place}/web1/{uuid}.file.disk0")


@pytest.mark.parametrize("callers", [1, 40])
async def test_a_silent_directory_is_told_and_takes_one_thread_whoever_asks(server, tmp_path, callers):
    asking = Answering(server.ask)
    told = await asyncio.gather(*(asking.ensure(tmp_path / SHARED[1:]) for _ in range(callers)), return_exceptions=True)
    assert {type(error) for error in told} == {EnvironmentUnfit}
    assert "does not answer" in str(told[0])
    assert server.asked == 1


async def test_it_is_used_again_once_it_answers(server, tmp_path):
    asking = Answering(server.ask)
    with pytest.raises(EnvironmentUnfit):
        await asking.ensure(tmp_path / SHARED[1:])
    server.back.set()
    async with asyncio.timeout(60):
        while server.asked < 2:
            with suppress(EnvironmentUnfit):
                await asking.ensure(tmp_path / SHARED[1:])


async def test_a_directory_that_is_not_there_has_answered(tmp_path):
    await Answering().ensure(tmp_path / "nowhere")


@pytest.fixture
def untouched(monkeypatch, tmp_path):
    """Whatever looks into a directory that does not answer would wait with it."""

    def guarded(look):
        def looks(path, *args, **more):
            assert not str(path).startswith(f"{tmp_path}{SHARED}"), path
            return look(path, *args, **more)

        return looks

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


async def test_nothing_is_done_where_nobody_answers_and_other_directories_are_used(server, tmp_path, request):
    for place in (SHARED, OWN):
        (tmp_path / place[1:]).mkdir(parents=True)
    request.getfixturevalue("untouched")
    files, peers = FileStorage(Paths(tmp_path), Answering(server.ask)), ()
    away, here = disk(DiskTemplate.SHARED_FILE, SHARED), disk(DiskTemplate.FILE, OWN)
    for refused in (
        files.create(away, peers, None),
        files.remove(away, peers),
        files.hold(away, peers, None),
        files.expected(away, peers),
        files.grow(away, 2, peers, None),
    ):
        with pytest.raises(EnvironmentUnfit, match=f"{SHARED} does not answer"):
            await refused
    assert "does not answer" in (await files.examine([away], peers))[0].problem
    unit = StorageUnit(DiskTemplate.SHARED_FILE, SHARED)
    assert "does not answer" in (await files.problems(unit))[0]
    assert await files.space(unit) is None
    await files.release(away, peers)  # of a guest that was stopped
    await files.create(here, peers, None)
    assert (await files.examine([here], peers))[0].problem == ""
    await files.remove(here, peers)
