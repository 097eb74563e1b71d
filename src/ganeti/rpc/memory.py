# SPDX-License-Identifier: BSD-2-Clause
"""Calls within one process, for tests: encoded and decoded as over a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Protocol

from ganeti.errors import NodeUnreachable
from ganeti.rpc.transport import Address, Entrance, Peer


class Papers(Protocol):
    """Replaces TLS: the certificate that a machine presents, and which ones it accepts."""

    def shown(self) -> Peer: ...

    def believes(self, other: Papers) -> bool: ...


class Paper:
    """Of a machine that accepts everybody."""

    def __init__(self, name: str, certificate: str) -> None:
        self._peer = Peer(name, certificate)

    def shown(self) -> Peer:
        return self._peer

    def believes(self, other: Papers) -> bool:
        del other
        return True


class MemoryNetwork:
    """The nodes of a process by address, and which of them are disconnected.

    ``cut``: pairs of addresses; what the first sends does not reach the second.
    """

    def __init__(self) -> None:
        self._entrances: dict[str, Entrance] = {}
        self._papers: dict[str, Papers] = {}
        self._open: dict[str, list[asyncio.Queue[bytes | None]]] = {}
        self.cut_off: set[str] = set()
        self.cut: set[tuple[str, str]] = set()

    def plug(self, host: str, entrance: Entrance, papers: Papers | None = None) -> None:
        self._entrances[host] = entrance
        if papers:
            self._papers[host] = papers

    def unplug(self, host: str, entrance: Entrance | None = None) -> None:
        """Remove what answers at a host, or only ``entrance``."""
        if entrance in (None, self._entrances.get(host)):
            self._entrances.pop(host, None)

    def silence(self, host: str) -> None:
        """Disconnect a host, and break its open connections."""
        self.cut_off.add(host)
        for lines in self._open.get(host, ()):
            lines.put_nowait(None)

    @contextmanager
    def opened(self, host: str) -> Iterator[asyncio.Queue[bytes | None]]:
        """The lines that a host sends; None at the end."""
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._open.setdefault(host, []).append(lines)
        try:
            yield lines
        finally:
            self._open[host].remove(lines)

    def entrance(self, host: str) -> Entrance:
        if host in self.cut_off or host not in self._entrances:
            raise NodeUnreachable(f"Nothing answers at {host}")
        return self._entrances[host]

    def shown(self, address: Address, caller: Papers) -> str:
        """The certificate presented to a caller; for a machine without one, the expected one.

        Raises NodeUnreachable unless both accept each other.
        """
        papers = self._papers.get(address.host)
        if papers is None:
            return next(iter(address.certificates), "")
        peer = papers.shown()
        if not caller.believes(papers) or not papers.believes(caller) or peer.name != address.name:
            raise NodeUnreachable(f"Node {address.name} and the caller do not trust each other's certificates")
        if not address.recognises(peer.certificate):
            raise NodeUnreachable(f"What answers as node {address.name} shows a certificate that is not on record")
        return peer.certificate


class MemoryTransport:
    """A caller on a MemoryNetwork, identified by its ``Papers``, which may be forged."""

    def __init__(self, network: MemoryNetwork, papers: Papers, host: str) -> None:
        self._network = network
        self._papers = papers
        self._host = host
        self._shown: dict[str, str] = {}

    async def exchange(self, address: Address, request: bytes, deadline: float) -> AsyncGenerator[bytes, None]:
        if self._host in self._network.cut_off or (self._host, address.host) in self._network.cut:
            raise NodeUnreachable(f"Node {address.name} cannot be reached from {self._host}")
        entrance = self._network.entrance(address.host)
        self._shown[address.name] = self._network.shown(address, self._papers)
        caller = self._papers.shown()
        end = asyncio.get_running_loop().time() + deadline
        with self._network.opened(address.host) as lines:

            async def serve() -> None:
                try:
                    if last := await entrance(caller, request, lines.put):
                        await lines.put(last)
                finally:
                    await lines.put(None)

            task = asyncio.create_task(serve())
            try:
                while True:
                    # No timeout may be active while a generator yields: it could cancel other code (PEP 789).
                    async with asyncio.timeout_at(end):
                        line = await lines.get()
                    if (address.host, self._host) in self._network.cut:
                        raise NodeUnreachable(f"The answer of {address.name} does not come through")
                    if line is None:
                        return
                    yield line
            except TimeoutError:
                raise NodeUnreachable(f"Node {address.name} did not answer within {deadline:.0f} seconds") from None
            finally:
                task.cancel()

    def certificate(self, name: str) -> str:
        return self._shown.get(name, "")

    async def close(self) -> None:
        pass
