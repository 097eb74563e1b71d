# SPDX-License-Identifier: BSD-2-Clause
"""Transport of requests to nodes: over TLS, or within a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from msgspec import Struct


class Peer(Struct, frozen=True):
    """The name in a connection's certificate, and the certificate's fingerprint (SHA-256, hex)."""

    name: str
    certificate: str


# A node daemon's entry point: (caller, request, sink of lines) → the last line, empty if nobody is waiting for it.
Entrance = Callable[[Peer, bytes, Callable[[bytes], Awaitable[None]]], Awaitable[bytes]]


class Address(Struct, frozen=True):
    """``name`` must be in the node's certificate. ``certificates``: the accepted fingerprints.

    Without any, every certificate with that name is accepted.
    """

    name: str
    host: str
    port: int
    certificates: tuple[str, ...] = ()

    def recognises(self, certificate: str) -> bool:
        return not self.certificates or certificate in self.certificates


class Transport(Protocol):
    """Carries one request; raises NodeUnreachable if the node cannot be reached or stops answering."""

    def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        """The lines of the answer as they arrive."""
        ...

    def certificate(self, name: str) -> str:
        """The fingerprint that the node of that name presented last; empty before its first answer."""
        ...

    async def close(self) -> None: ...
