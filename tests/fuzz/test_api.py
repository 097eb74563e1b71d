# SPDX-License-Identifier: BSD-2-Clause
"""Requests made up from the remote API's own description, for objects that are there and for others (schemathesis)."""

import asyncio
import re
import threading
from contextlib import contextmanager

import schemathesis
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeti.api import reader
from ganeti.api.app import application
from ganeti.api.resources import QUERYABLE
from ganeti.api.users import Users
from tests.cluster.paper import running

USER, PASSWORD = "admin", "secret"
EXAMPLES = 12  # of each resource and method
HONEST = {501, 502, 503}  # not there; a node or the master cannot be reached
INSTANCES, NODES = ("web1", "web2"), ("node1", "node2", "node3")
# By the parameters of paths; "name" is of several kinds.
THERE = {
    "instance_name": INSTANCES,
    "instances": INSTANCES,
    "node_name": NODES,
    "nodes": NODES,
    "group_name": ("default",),
    "network_name": ("net1",),
    "name": (*INSTANCES, *NODES, "default", "net1"),
    "job": ("1", "2"),
    "disk": ("0",),
    "what": QUERYABLE,
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
                await self.cluster.run("OP_NETWORK_ADD", network_name="net1", network="192.0.2.0/24")
                connection = {"network_mode": "bridged", "network_link": "br0"}
                await self.cluster.run("OP_NETWORK_CONNECT", network_name="net1", group_name="default", **connection)
                await self.cluster.add("web2", start=False, nics=[{"network": "net1", "ip": "pool"}])
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
        named = {parameter for operation in operations for parameter in re.findall(r"{(\w+)}", operation.path)}
        assert named == THERE.keys()
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
