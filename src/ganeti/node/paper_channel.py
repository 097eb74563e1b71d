# SPDX-License-Identifier: BSD-2-Clause
"""Simulated copying of disks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ganeti.errors import NodeUnreachable, UnknownEntity
from ganeti.model.compression import Compression
from ganeti.node.delivery import Delivery
from ganeti.rpc.contract.copying import Crossing, Party

_FIRST = 1830


@dataclass(frozen=True, slots=True)
class PaperCopies:
    """Of a cluster: receivers by port, and what was copied from where to where: (node, path)."""

    waiting: MutableMapping[int, tuple[str, str]] = field(default_factory=dict)
    offered: MutableMapping[int, bytes] = field(default_factory=dict)  # dumps, by port
    made: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    compressed: set[Compression] = field(default_factory=set)  # options used
    # From other clusters, by port, until somebody connects or nobody does in time.
    awaited: MutableMapping[int, tuple[Delivery, asyncio.TimerHandle]] = field(default_factory=dict)
    # Addresses to which other clusters, of which nothing else is simulated, send at once what is awaited there.
    prompt: set[str] = field(default_factory=set)


class PaperSending:
    """A dump on its way, which is no paper: it becomes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = bytearray()

    async def write(self, data: bytes) -> None:
        self._content += data

    async def keep(self) -> None:
        pass

    async def end(self) -> None:
        self._path.write_bytes(self._content)


@dataclass(frozen=True, slots=True)
class PaperReceiving:
    """The same, to its other end."""

    content: bytes

    @property
    def length(self) -> int:
        return len(self.content)

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.content


class PaperChannel:
    """That of the node ``name``."""

    def __init__(self, name: str, copies: PaperCopies) -> None:
        self._name = name
        self._copies = copies
        self._deliveries: dict[str, Delivery] = {}
        self._visits: set[asyncio.Task[None]] = set()

    async def listen(
        self,
        disk: str,
        path: str,
        sender: Party,
        address: str,
        *,
        blank: bool = False,
        crossing: Crossing | None = None,
    ) -> int:
        del sender, blank
        port = _FIRST + len(self._copies.waiting)
        self._copies.waiting[port] = (self._name, path)
        if crossing:
            delivery = self._deliveries[disk] = Delivery(crossing.magic)
            given_up = asyncio.get_running_loop().call_later(crossing.wait, delivery.close)
            self._copies.awaited[port] = (delivery, given_up)
            if address in self._copies.prompt:
                given_up.cancel()
                self._visits.add(asyncio.create_task(delivery.send_to_paper(crossing.magic)))
        return port

    def delivery(self, disk: str) -> Delivery:
        if disk not in self._deliveries:
            raise UnknownEntity("The disk is not awaited any more")
        return self._deliveries[disk]

    async def take(self, key: str, path: Path, sender: Party, address: str) -> int:
        return await self.listen(key, str(path), sender, address)

    async def offer(self, key: str, file: BinaryIO, receiver: Party, address: str, compress: Compression) -> int:
        self._copies.compressed.add(compress)
        port = await self.listen(key, "", receiver, address)
        with file:
            self._copies.offered[port] = file.read()
        return port

    async def give_up(self, key: str) -> None:
        if delivery := self._deliveries.pop(key, None):
            delivery.close()

    @asynccontextmanager
    async def sending(
        self, receiver: Party, address: str, port: int, compress: Compression = "none"
    ) -> AsyncIterator[PaperSending]:
        del address
        self._copies.compressed.add(compress)
        yield PaperSending(Path(self._met(receiver, port, "dump")))

    @asynccontextmanager
    async def receiving(self, sender: Party, address: str, port: int) -> AsyncIterator[PaperReceiving]:
        del address
        self._met(sender, port, "dump")
        yield PaperReceiving(self._copies.offered[port])

    def _met(self, party: Party, port: int, what: str) -> str:
        node, path = self._copies.waiting.get(port, ("", ""))
        if node != party.name:
            raise NodeUnreachable(f"Node {party.name} does not wait for a {what}")
        return path

    async def send(
        self,
        path: str,
        receiver: Party,
        address: str,
        port: int,
        progress: Callable[[int, int], None],
        *,
        compress: Compression = "none",
        crossing: Crossing | None = None,
    ) -> None:
        del address
        self._copies.compressed.add(compress)
        if crossing:
            target = await self._sent_abroad(port, crossing)
        else:
            target = self._met(receiver, port, "copy")
        progress(1, 1)
        self._copies.made.append(((self._name, path), (receiver.name, target)))

    async def _sent_abroad(self, port: int, crossing: Crossing) -> str:
        """To which path; a cluster of which nothing else is simulated takes everything."""
        if port not in self._copies.awaited:
            return ""
        delivery, given_up = self._copies.awaited[port]
        given_up.cancel()
        await delivery.send_to_paper(crossing.magic)
        return self._copies.waiting[port][1]
