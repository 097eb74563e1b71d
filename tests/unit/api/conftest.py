# SPDX-License-Identifier: BSD-2-Clause
"""The remote API in front of a master whose nodes are of paper."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ganeti.api.app import application
from ganeti.api.users import Users
from tests.cluster.paper import running

USERS = """\
# name password permissions
reader r-secret
operator o-secret operate
admin a-secret admin
writer w-secret write
"""
READER, OPERATOR, ADMIN, WRITER = (
    ("reader", "r-secret"),
    ("operator", "o-secret"),
    ("admin", "a-secret"),
    ("writer", "w-secret"),
)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Any


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


class Api:
    """Requests as a user, by default one who may do everything."""

    def __init__(self, client, users):
        self._client = client
        self.users = users

    @property
    def routes(self):
        """(method, path) of all resources."""
        routes = self._client.app.router.routes()
        return sorted({(r.method, r.resource.canonical) for r in routes if r.resource and r.method != "HEAD"})

    async def request(self, method, path, auth=ADMIN, headers=None, **more):
        headers = {**(basic(*auth) if auth else {}), **(headers or {})}
        async with self._client.request(method, path, headers=headers, **more) as answer:
            assert answer.content_type == "application/json"
            return Answer(answer.status, await answer.json(), answer.headers)

    async def get(self, path, auth=ADMIN, **more):
        return await self.request("GET", path, auth, **more)


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path / "nodes") as made:
        yield made


@pytest.fixture
async def api(cluster, tmp_path):
    users = tmp_path / "users"
    users.write_text(USERS)
    async with TestClient(TestServer(application(cluster, Users(users)))) as client:
        yield Api(client, users)
