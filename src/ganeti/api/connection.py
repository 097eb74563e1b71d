# SPDX-License-Identifier: BSD-2-Clause
"""Connections of the remote API."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web

from ganeti.api.answers import failure
from ganeti.api.limits import CONNECTIONS, CONNECTIONS_OF_ADDRESS, HEADERS
from ganeti.rpc.connections import Connection, Connections, Limits

_log = logging.getLogger(__name__)


def connecting(server: web.Server) -> Callable[[], Connection]:
    """What makes connections of a server, as many as there may be."""
    connections = Connections(lambda _: Limits(CONNECTIONS, CONNECTIONS_OF_ADDRESS, headers=HEADERS, idle=HEADERS))
    return lambda: ApiConnection(connections, server, keepalive_timeout=HEADERS)


class ApiConnection(Connection):
    """One connection; what is no HTTP is answered as everything else is."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        del request
        if status >= web.HTTPInternalServerError.status_code:
            _log.error("A request failed unexpectedly", exc_info=exc)
        told = failure(status, f"Not an HTTP request: {(message or '').strip()[:200]}" if status < 500 else "")
        told.force_close()
        return told
