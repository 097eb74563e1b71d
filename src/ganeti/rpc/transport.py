# SPDX-License-Identifier: BSD-2-Clause
"""How requests get to nodes: over TLS, or within a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from msgspec import Struct

# A node daemon's entrance: (name in the caller's certificate, request, sink of lines) → when answered.
Entrance = Callable[[str, bytes, Callable[[bytes], Awaitable[None]]], Awaitable[None]]


class Address(Struct, frozen=True):
    """``name`` is what the node's certificate must say."""

    name: str
    host: str
    port: int


class Transport(Protocol):
    """Carries one request; raises NodeUnreachable if the node cannot be reached or falls silent."""

    def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        """The lines of the answer as they come."""
        ...

    async def close(self) -> None: ...
