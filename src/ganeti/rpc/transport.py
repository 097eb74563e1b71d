# SPDX-License-Identifier: BSD-2-Clause
"""How requests get to nodes: over TLS, or within a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from msgspec import Struct


class Peer(Struct, frozen=True):
    """Whom a connection's certificate names, and the certificate's fingerprint (SHA-256, hex)."""

    name: str
    certificate: str


# A node daemon's entrance: (caller, request, sink of lines) → the last line, empty if nobody waits for it any more.
Entrance = Callable[[Peer, bytes, Callable[[bytes], Awaitable[None]]], Awaitable[bytes]]


class Address(Struct, frozen=True):
    """``name`` is what the node's certificate must say. ``certificates``: fingerprints, of which it must be one.

    Without any, every certificate of that name will do.
    """

    name: str
    host: str
    port: int
    certificates: tuple[str, ...] = ()

    def recognises(self, certificate: str) -> bool:
        return not self.certificates or certificate in self.certificates


class Transport(Protocol):
    """Carries one request; raises NodeUnreachable if the node cannot be reached or falls silent."""

    def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        """The lines of the answer as they come."""
        ...

    def certificate(self, name: str) -> str:
        """The fingerprint of what the node of that name has shown last; empty before its first answer."""
        ...

    async def close(self) -> None: ...
