# SPDX-License-Identifier: BSD-2-Clause
"""Requests made up from the remote API's own description, for objects that are there and for others (schemathesis)."""

import asyncio
import threading
from contextlib import contextmanager

import schemathesis
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeti.api import reader
from ganeti.api.app import application
from ganeti.api.users import Users
from tests.cluster.paper import running

USER, PASSWORD = "admin", "secret"
EXAMPLES = 12  # of each resource and method
HONEST = {501, 502, 503}  # not there; a node or the master cannot be reached
THERE = {
    "instance_name": ("web1", "web2"),
    "node_name": ("node1", "node2", "node3"),
    "group_name": ("default",),
    "job_id": ("1", "2"),
}


class Served:
    """The remote API of a cluster of paper, in a thread of its own."""

    def __init__(self, root):
        self.root = root
        self.url = self.cluster = None
        self._up, self._over = threading.Event(), None
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()])

    def start(self):
        self._thread.start()
        self._up.wait()

    def stop(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def remove_filters(self):
        """What comes next is to be carried out, not held."""
        asyncio.run_coroutine_threadsafe(self._remove_filters(), self._loop).result()

    async def _remove_filters(self):
        for uuid in self.cluster.state.entities["filter"]:
            await self.cluster.call("DeleteFilter", uuid)

    async def _serve(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        (self.root / "users").write_text(f"{USER} {PASSWORD} admin\n")
        try:
            async with running(self.root / "nodes") as self.cluster:
                await self.cluster.add("web1")
                await self.cluster.add("web2", start=False)
                async with TestServer(application(self.cluster, Users(self.root / "users"))) as server:
                    self.url = str(server.make_url("")).rstrip("/")
                    self._up.set()
                    await self._over.wait()
        finally:
            self._up.set()


@contextmanager
def served(root):
    api = Served(root)
    api.start()
    try:
        yield api
    finally:
        api.stop()


def real(case, draw):
    """Half of the objects that a path names are there."""
    for name in case.path_parameters or {}:
        if name in THERE and draw(st.booleans()):
            case.path_parameters[name] = draw(st.sampled_from(THERE[name]))
    return case


def test_no_request_makes_the_program_fail(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(reader, "API_WAIT", 0.01)
    with served(tmp_path) as api:
        schema = schemathesis.openapi.from_url(f"{api.url}/2/openapi.json", auth=(USER, PASSWORD))
        operations = [result.ok() for result in schema.get_all_operations()]
        assert len(operations) > 30
        for operation in operations:

            @settings(
                max_examples=EXAMPLES,
                derandomize=True,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(), st.data())
            def check(case, data):
                answer = real(case, data.draw).call(auth=(USER, PASSWORD))
                told = f"{case.method} {case.formatted_path}: {answer.status_code} {answer.text}"
                assert answer.status_code < 500 or answer.status_code in HONEST, told
                assert answer.headers["content-type"][0].startswith("application/json"), told

            check()
            api.remove_filters()
        failed = [one.getMessage() for one in caplog.records if "unexpectedly" in one.getMessage()]
        assert failed == []
