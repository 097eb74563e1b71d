# SPDX-License-Identifier: BSD-2-Clause
"""Responses: JSON, for failures too."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from ganeti.errors import GanetiError

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = _encoder.encode(value) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def failure(status: int, explanation: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """``{"code", "message", "explain"}``."""
    return answer({"code": status, "message": HTTPStatus(status).phrase, "explain": explanation}, status, headers)


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware that turns any exception of a handler into a response."""
    try:
        return await handler(request)
    except GanetiError as error:
        return failure(error.http_status, error.message)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return failure(405, f"Not a method of this resource; it has {allowed}", {"Allow": allowed})
    except web.HTTPException as error:
        return failure(error.status, "Nothing matches the given URI" if error.status == 404 else error.text or "")
    except Exception as error:  # noqa: BLE001 - the client must hear of it, whatever it is
        _log.exception("%s %s failed unexpectedly", request.method, request.path)
        return failure(500, f"An error in the program: {type(error).__name__}; the daemon's log says more")
