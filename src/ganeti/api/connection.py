# SPDX-License-Identifier: BSD-2-Clause
"""Connections of the remote API."""

from __future__ import annotations

import ssl
from functools import partial

from aiohttp import web

from ganeti.api.answers import failure
from ganeti.api.limits import CONNECTIONS, CONNECTIONS_OF_NETWORK, HEADERS
from ganeti.rpc.connections import Connection, Connections, Limits
from ganeti.rpc.listener import HttpServer

# How long pending requests may go on when the daemon stops; until all have ended aiohttp may take twice that.
_GRACE = 1.0  # seconds
LIMITS = Limits(CONNECTIONS, CONNECTIONS_OF_NETWORK, headers=HEADERS, idle=HEADERS)


def api_server(application: web.Application, context: ssl.SSLContext | None, limits: Limits = LIMITS) -> HttpServer:
    """The HTTP side of the remote API."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=_GRACE)
    connection = partial(ApiConnection, lambda _: limits, keepalive_timeout=limits.idle)
    return HttpServer(runner, Connections(limits.connections, limits.of_network), connection, context)


class ApiConnection(Connection):
    """One connection; responses to invalid HTTP have the same form as others."""

    def refusal(self, status: int, message: str) -> web.Response:
        return failure(status, f"Not an HTTP request: {message}" if message else "")
