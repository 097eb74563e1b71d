# SPDX-License-Identifier: BSD-2-Clause
"""The reports over HTTP (Ganeti's monitoring agent design, "Format of the query")."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from ganeti.daemons.mond.monitor import Monitor
from ganeti.rpc.connections import Connection, Connections, Limits
from ganeti.rpc.listener import HttpServer

PORT = 1815
CONNECTIONS = 64
CONNECTIONS_OF_NETWORK = 16
LARGEST_BODY = 1024  # bytes; the body is not read
SILENCE = 15.0  # seconds for the head of a request to arrive, and between two requests
_GRACE = 1.0  # seconds
_LIMITS = Limits(CONNECTIONS, CONNECTIONS_OF_NETWORK, headers=SILENCE, idle=SILENCE)
_VERSIONS = [1]


def server(monitor: Monitor) -> HttpServer:
    runner = web.AppRunner(application(monitor), access_log=None, handle_signals=False, shutdown_timeout=_GRACE)
    connection = partial(Connection, lambda _: _LIMITS, keepalive_timeout=SILENCE)
    return HttpServer(runner, Connections(CONNECTIONS, CONNECTIONS_OF_NETWORK), connection, None)


def application(monitor: Monitor) -> web.Application:
    found = web.Application(client_max_size=LARGEST_BODY, middlewares=[_json_failures])
    resources = _Resources(monitor)
    for path, handler in (
        ("/", resources.versions),
        ("/1", resources.nothing),
        ("/1/list/collectors", resources.collectors),
        ("/1/report/all", resources.all),
        ("/1/report/{category}/{collector}", resources.one),
    ):
        found.router.add_get(path, handler)
        if path != "/":
            found.router.add_get(f"{path}/", handler)
    return found


class _Resources:
    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    async def versions(self, request: web.Request) -> web.Response:
        del request
        return _answer(_VERSIONS)

    async def nothing(self, request: web.Request) -> web.Response:
        del request
        return _answer(None)

    async def collectors(self, request: web.Request) -> web.Response:
        del request
        return _answer([(one.name, one.category, one.kind) for one in self._monitor.active])

    async def all(self, request: web.Request) -> web.Response:
        reports = [await self._monitor.report(one, verbose=_verbose(request)) for one in self._monitor.active]
        return _answer(reports)

    async def one(self, request: web.Request) -> web.Response:
        name, category = request.match_info["collector"], request.match_info["category"]
        for collector in self._monitor.active:
            if (collector.name, collector.category) == (name, category):
                return _answer(await self._monitor.report(collector, verbose=_verbose(request)))
        return _failure(404, "Unable to produce a report for the requested resource")


@web.middleware
async def _json_failures(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as error:
        told = "Resource not found" if error.status == web.HTTPNotFound.status_code else error.reason
        return _failure(error.status, told)
    return response


def _verbose(request: web.Request) -> bool:
    return request.query.get("verbose", "0") not in ("", "0")


def _answer(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _failure(status: int, told: str) -> web.Response:
    return web.Response(status=status, text=f"{told}\n")
