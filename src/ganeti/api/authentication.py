# SPDX-License-Identifier: BSD-2-Clause
"""HTTP Basic authentication on everything (RFC 7617).

Wrong passwords are logged, and slow down the address that they come from.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from aiohttp import web

from ganeti.api.answers import Handler, failure
from ganeti.api.limits import FAILURE_HELD, FAILURE_INTERVAL, FREE_FAILURES, HELD_OF_ADDRESS, REMEMBERED_FAILURES
from ganeti.api.users import REALM, User, Users
from ganeti.rpc.connections import network_of

_log = logging.getLogger(__name__)

USER = web.RequestKey("user", User)
_CHALLENGE = {"WWW-Authenticate": f'Basic realm="{REALM}"'}


class Failures:
    """Wrong passwords, by the address they come from; the oldest are forgotten.

    After some, the response to a wrong one is delayed; a correct one is answered at once, so that nobody's mistakes
    lock others out. The number of delayed responses is limited: beyond it no password from that address is checked,
    since otherwise a client could abandon delayed requests and try more. User names play no part, so nothing here
    reveals whether a user exists.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._empty_at: OrderedDict[str, float] = OrderedDict()  # when all are forgotten, at one per interval
        self._held: Counter[str] = Counter()

    def busy(self, address: str) -> bool:
        """Whether no password from that address is checked at present."""
        return self._held[address] >= HELD_OF_ADDRESS

    async def add(self, address: str) -> None:
        """Return when the response to a wrong password may be sent."""
        now = self._clock()
        self._empty_at[address] = empty_at = max(self._empty_at.pop(address, now), now) + FAILURE_INTERVAL
        while len(self._empty_at) > REMEMBERED_FAILURES:
            self._empty_at.popitem(last=False)
        if empty_at - now <= FREE_FAILURES * FAILURE_INTERVAL:
            return
        self._held[address] += 1
        try:
            await self._sleep(FAILURE_HELD)
        finally:
            self._held[address] -= 1
            if not self._held[address]:
                del self._held[address]


def authentication(users: Users, past: Failures | None = None) -> Any:
    """The middleware."""
    past = past or Failures()

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        name, password = _credentials(request)
        if not name:
            return failure(401, "No permission -- see authorization schemes", _CHALLENGE)
        address = network_of(request.remote)
        if past.busy(address):
            wait = {"Retry-After": str(math.ceil(FAILURE_HELD))}
            return failure(429, "Too many wrong passwords from your address; try again later", wait)
        user = users.find(name, password)
        if user is None:
            _log.warning("Failed login as %r from %s", name[:64], request.remote)
            await past.add(address)
            return failure(401, "No permission -- see authorization schemes", _CHALLENGE)
        request[USER] = user
        return await handler(request)

    return authenticate


def _credentials(request: web.Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password
