# SPDX-License-Identifier: BSD-2-Clause
"""What one guest is answered over HTTP (Ganeti's OS installation redesign, "Metadata service").

A server knows of one guest and no other, so whatever is asked of it, it has nothing else to tell.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from ganeti.daemons.metad import ec2
from ganeti.daemons.metad.mailbox import CAPACITY, Mail
from ganeti.model.metadata import Metadata
from ganeti.rpc.connections import Connection, Connections, Limits
from ganeti.rpc.listener import HttpServer

CONNECTIONS = 8
SILENCE = 5.0  # seconds until the head of a request is there, and between two
_GRACE = 1.0  # seconds
_LIMITS = Limits(CONNECTIONS, CONNECTIONS, headers=SILENCE, idle=SILENCE)
_VERSION = "latest"  # the only one of Ganeti's own form
_PACKAGE = "os-install-package"


def server(metadata: Metadata, mail: Mail) -> HttpServer:
    runner = web.AppRunner(application(metadata, mail), access_log=None, handle_signals=False, shutdown_timeout=_GRACE)
    connection = partial(Connection, lambda _: _LIMITS, keepalive_timeout=SILENCE)
    return HttpServer(runner, Connections(CONNECTIONS, CONNECTIONS), connection, None)


def application(metadata: Metadata, mail: Mail) -> web.Application:
    found = web.Application(client_max_size=CAPACITY)
    own, amazon = _Own(metadata, mail), _Amazon(metadata)
    base = f"/ganeti/{_VERSION}"
    found.router.add_get("/", amazon.versions)
    found.router.add_get(f"{base}/meta_data.json", own.facts)
    found.router.add_get(f"{base}/os/parameters.json", own.parameters)
    found.router.add_get(f"{base}/os/parameters/{{name}}", own.parameter)
    found.router.add_get(f"{base}/os/{_PACKAGE}", own.package)
    found.router.add_get(f"{base}/read", own.read, allow_head=False)
    found.router.add_post(f"{base}/write", own.write)
    for version in ec2.VERSIONS:
        found.router.add_get(f"/{version}{{path:.*}}", amazon.text)
    return found


class _Own:
    """Ganeti's own form."""

    def __init__(self, metadata: Metadata, mail: Mail) -> None:
        self._metadata = metadata
        self._mail = mail

    async def facts(self, request: web.Request) -> web.Response:
        del request
        told = self._metadata
        nics = [{"mac": nic.mac, "ip": nic.ip, "name": nic.name} for nic in told.nics]
        facts = {"uuid": told.uuid, "name": told.name, "os": told.os, "vcpus": told.vcpus, "memory": told.memory}
        return _json({**facts, "nics": nics})

    async def parameters(self, request: web.Request) -> web.Response:
        del request
        return _json(self._metadata.osparams)

    async def parameter(self, request: web.Request) -> web.Response:
        return self._value(request.match_info["name"])

    async def package(self, request: web.Request) -> web.Response:
        del request
        return self._value(_PACKAGE)

    async def read(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=self._mail.to_guest.take(), content_type="application/octet-stream")

    async def write(self, request: web.Request) -> web.Response:
        if not self._mail.from_guest.put(await request.read()):
            return web.Response(status=507, text="What was written before has not been read yet\n")
        return web.Response(status=204)

    def _value(self, name: str) -> web.Response:
        if name not in self._metadata.osparams:
            return _nothing()
        return web.Response(text=self._metadata.osparams[name][0])


class _Amazon:
    def __init__(self, metadata: Metadata) -> None:
        self._tree = ec2.tree(metadata)

    async def versions(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="\n".join(ec2.VERSIONS))

    async def text(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        found = ec2.at(self._tree, path) if path.startswith("/") or not path else None
        return _nothing() if found is None else web.Response(text=found)


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _nothing() -> web.Response:
    return web.Response(status=404, text="There is nothing here\n")
