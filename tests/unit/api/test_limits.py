# SPDX-License-Identifier: BSD-2-Clause
"""Nobody takes so much that others get nothing."""

import asyncio
import json
from dataclasses import replace

import pytest

from ganeti.api import shares
from ganeti.api.app import application
from ganeti.api.connection import LIMITS, api_server
from ganeti.api.limits import MOST_FIELDS
from ganeti.api.users import Users
from tests.unit.api.conftest import ADMIN, READER, USERS, basic


@pytest.fixture
async def serving(cluster, tmp_path):
    """Serves the API as the daemon does, but for TLS; returns (host, port)."""
    users = tmp_path / "users"
    users.write_text(USERS)
    servers = []

    async def serve(**limits):
        servers.append(api_server(application(cluster, Users(users)), None, replace(LIMITS, **limits)))
        return "127.0.0.1", await servers[-1].open(0, "127.0.0.1")

    yield serve
    for server in servers:
        await server.close()


@pytest.fixture
async def address(serving):
    return await serving()


async def sent(address, text):
    """The whole answer, until the connection is closed."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(text)
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


def ask(path="/2", auth=ADMIN):
    header = basic(*auth)["Authorization"]
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET / HTTP/9.9.9\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_in_the_apis_own_form(address, text):
    head, _, body = (await sent(address, text)).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/json" in head
    assert json.loads(body)["code"] == 400


@pytest.mark.parametrize("text", [b"", b"GET /2 HTTP/1.1\r\nHost:"])
async def test_half_a_request_does_not_keep_a_connection_open(serving, text):
    assert await sent(await serving(headers=0.01), text) == b""


async def test_an_address_has_a_limited_number_of_connections(serving):
    address = await serving(of_network=2)
    assert (await sent(address, ask())).startswith(b"HTTP/1.1 200")
    idle = [await asyncio.open_connection(*address) for _ in range(2)]
    assert await sent(address, ask()) == b""
    for _, writer in idle:
        writer.close()
    while not (await sent(address, ask())).startswith(b"HTTP/1.1 200"):
        await asyncio.sleep(0)


async def test_a_user_waits_for_a_limited_number_of_jobs_and_others_are_served(api, cluster, monkeypatch):
    monkeypatch.setattr(shares, "WAITS_OF_USER", 1)
    number = await cluster.submit("OP_TEST_DELAY", duration=3600)
    body = {"fields": ["id"], "previous_job_info": [number]}
    first = asyncio.create_task(api.get(f"/2/jobs/{number}/wait", json=body))
    while (again := await api.get(f"/2/jobs/{number}/wait", json={"fields": ["id"]})).status == 200:
        await asyncio.sleep(0)
    assert again.status == 429
    assert (await api.get(f"/2/jobs/{number}/wait", READER, json={"fields": ["id"]})).status == 200
    first.cancel()


async def test_a_user_has_a_limited_number_of_requests_under_way(api, cluster, monkeypatch):
    monkeypatch.setattr(shares, "UNDER_WAY_OF_USER", 0)
    assert (await api.get("/2")).status == 429


@pytest.mark.parametrize("path", ["/2/query/node?fields={}", "/2/query/node/fields?fields={}"])
async def test_nobody_asks_for_more_columns_than_there_are(api, path):
    names = ",".join(["name"] * (MOST_FIELDS + 1))
    answer = await api.get(path.format(names))
    assert answer.status == 400
    assert "columns" in answer.body["explain"]


async def test_who_may_only_read_sends_no_large_bodies(api):
    body = {"fields": ["name"] * 70_000}
    assert (await api.request("PUT", "/2/query/node", READER, json=body)).status == 413
    assert (await api.request("PUT", "/2/query/node", json=body)).status == 400


async def test_a_body_that_does_not_come_is_not_waited_for(address, monkeypatch):
    monkeypatch.setattr("ganeti.api.app.BODY", 0.01)
    header = basic(*ADMIN)["Authorization"]
    text = f"PUT /2/modify HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\nContent-Length: 10\r\n\r\n{{".encode()
    assert (await sent(address, text)).startswith(b"HTTP/1.1 408")
