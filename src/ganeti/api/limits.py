# SPDX-License-Identifier: BSD-2-Clause
"""Limits of the remote API for one user, one address, or all of them. Times are seconds."""

from __future__ import annotations

LARGEST_BODY = 4 * 1024**2  # bytes, from a user who may create instances
LARGEST_BODY_OF_OTHERS = 256 * 1024  # bytes
DEEPEST_BODY = 32  # nested objects and lists
MOST_FIELDS = 256  # columns of one request; more than exist

CONNECTIONS = 512
CONNECTIONS_OF_NETWORK = 128  # an address, or a /64 of IPv6
UNDER_WAY_OF_USER = 64  # requests at a time
LISTS_OF_USER = 8  # concurrently; each may be large
# Each holds one of the connections to the master daemon that are for waiting (``ganeti.luxi.aio.WAITS``).
WAITS = 128
WAITS_OF_USER = 32

HEADERS = 15.0  # until a request, or the next one, has arrived
BODY = 60.0  # until its body has

# From one address: so many wrong passwords, and one more for each of these intervals, are answered at once.
FREE_FAILURES = 5
FAILURE_INTERVAL = 5.0
FAILURE_HELD = 5.0  # until a further one is answered
HELD_OF_ADDRESS = 16  # delayed responses; so 3 guesses a second
REMEMBERED_FAILURES = 4096  # addresses

assert WAITS_OF_USER <= UNDER_WAY_OF_USER <= CONNECTIONS_OF_NETWORK <= CONNECTIONS  # noqa: S101 - one contains the other
assert WAITS <= 160  # noqa: S101 - see there
