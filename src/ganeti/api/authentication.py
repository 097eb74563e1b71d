# SPDX-License-Identifier: BSD-2-Clause
"""HTTP Basic authentication on everything (RFC 7617). Wrong passwords are logged, and slow who sends them."""

from __future__ import annotations

import base64
import binascii
import logging
import math
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any

from aiohttp import web

from ganeti.api.answers import Handler, failure
from ganeti.api.limits import FAILURE_INTERVAL, FREE_FAILURES, REMEMBERED_FAILURES
from ganeti.api.users import REALM, User, Users

_log = logging.getLogger(__name__)

USER = web.RequestKey("user", User)
_CHALLENGE = {"WWW-Authenticate": f'Basic realm="{REALM}"'}


class Failures:
    """Wrong passwords, by user and address; the oldest are forgotten.

    Each fills a bucket that leaks one in FAILURE_INTERVAL. While it is full no password is looked at, so that a guess
    is not answered, whether right or wrong. Other users, and the same from elsewhere, are not held up.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._empty_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def delay(self, key: tuple[str, str]) -> float:
        """Seconds until a password is looked at again."""
        full = (FREE_FAILURES - 1) * FAILURE_INTERVAL
        return max(self._empty_at.get(key, 0.0) - self._clock() - full, 0.0)

    def add(self, key: tuple[str, str]) -> None:
        now = self._clock()
        self._empty_at[key] = max(self._empty_at.pop(key, now), now) + FAILURE_INTERVAL
        while len(self._empty_at) > REMEMBERED_FAILURES:
            self._empty_at.popitem(last=False)


def authentication(users: Users, past: Failures | None = None) -> Any:
    """The middleware."""
    past = past or Failures()

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        name, password = _credentials(request)
        if not name:
            return failure(401, "No permission -- see authorization schemes", _CHALLENGE)
        # Names that nobody has share one bucket, or a new name each time would be free.
        key = (name if users.known(name) else "", _network(request.remote))
        if delay := past.delay(key):
            wait = {"Retry-After": str(math.ceil(delay))}
            return failure(429, "Too many wrong passwords from your address; try again later", wait)
        user = users.find(name, password)
        if user is None:
            past.add(key)
            _log.warning("Failed login as %r from %s", name[:64], request.remote)
            return failure(401, "No permission -- see authorization schemes", _CHALLENGE)
        request[USER] = user
        return await handler(request)

    return authenticate


def _network(remote: str | None) -> str:
    """The address; of IPv6 the /64, which one machine may have whole."""
    try:
        address = ip_address(remote or "")
    except ValueError:
        return ""
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else str(address)


def _credentials(request: web.Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password
