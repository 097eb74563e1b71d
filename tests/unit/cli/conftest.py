# SPDX-License-Identifier: BSD-2-Clause
"""Real commands that ask a real master, whose nodes are of paper; the master runs in a thread."""

import asyncio
import io
import sys
import threading
from dataclasses import dataclass

import pytest

from ganeti.cli.script import run
from ganeti.host.files import write_atomic
from ganeti.host.paths import ROOT_VARIABLE, Paths
from ganeti.luxi.server import LuxiServer
from tests.cluster.paper import PaperCluster
from tests.cluster.world import first_state

TEMPLATES = {"enabled_disk_templates": ("sharedfile", "diskless", "drbd"), "vg_name": "xenvg"}

PATIENCE = 180.0  # seconds


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Background:
    """An event loop in a thread."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class Ended:
    status: int
    output: str
    errors: str

    @property
    def lines(self):
        return self.output.splitlines()


@pytest.fixture(scope="module")
def background():
    made = Background()
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(background, tmp_path_factory):
    """(cluster, root): three nodes, web1 and web2 running on node1, db1 stopped on node2."""
    directory = tmp_path_factory.mktemp("cluster")
    paths = Paths(directory / "node1")
    cluster = PaperCluster(directory, first_state(nodes=3, **TEMPLATES))

    async def start():
        await cluster.start()
        for name in ("web1", "web2"):
            await cluster.add(name, beparams={"maxmem": 2048, "minmem": 1024, "vcpus": 2})
        await cluster.add("db1", node="node2", template="diskless", start=False)
        made = LuxiServer(cluster.methods or {})
        await made.start(paths.master_socket)
        return made

    async def stop():
        await server.stop()
        await cluster.stop()

    server = background.do(start())
    write_atomic(paths.ssconf("master_node"), "node1\n")
    yield cluster, paths.root
    background.do(stop())


@pytest.fixture
def cluster(served):
    return served[0]


@pytest.fixture
def gnt(served, monkeypatch, capsys):
    """Runs a command line on the master: ``gnt("instance", "list")``."""
    monkeypatch.setenv(ROOT_VARIABLE, str(served[1]))
    monkeypatch.setenv("TZ", "UTC")

    def call(script, *words):
        capsys.readouterr()
        status = run(f"gnt-{script}", words)
        told = capsys.readouterr()
        return Ended(status, told.out, told.err)

    return call


@pytest.fixture
def terminal(monkeypatch):
    """Somebody sits there, and answers what is put in the list."""
    answers: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: sys.stdout.write(question) and answers.pop(0))
    return answers
