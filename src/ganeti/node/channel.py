# SPDX-License-Identifier: BSD-2-Clause
"""Copying the content of a disk from node to node, over TLS with the certificates of both nodes.

First its length is sent; then pieces, each preceded by its offset and length; what is not sent is zeros. A piece
without content reports the sender's progress; one at the end, completion. If the highest bit of the length is set, the
content of each piece is compressed separately (zlib). The receiver answers with a line when all is written: empty, or
with the error.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from ganeti.errors import ExecutionFailed, GanetiError, InsufficientResources, NodeUnreachable, WrongState
from ganeti.host.paths import Paths
from ganeti.host.threads import to_the_end
from ganeti.host.tls import node_client, node_server
from ganeti.node.storage.zeroing import length_of, zero_range
from ganeti.rpc.contract.copying import Compression, Party
from ganeti.rpc.http import peer_of
from ganeti.rpc.listener import HANDSHAKE

PORTS = range(1830, 1890)
_WAITING = 60.0  # seconds until the sender connects
_SILENCE = 600.0  # seconds of silence from the other end
_PIECE = 1024**2  # bytes
_MOST_PACKED = _PIECE + _PIECE // 1024 + 64  # bytes: incompressible data grows
_PACKED = 1 << 63  # flag in the length
_LEVELS: dict[Compression, int] = {"none": 0, "gzip-fast": 1, "gzip": 6, "gzip-slow": 9}
_TOLD = 1.0  # seconds after which a sender that finds only zeros reports progress
_LENGTH, _HEAD = struct.Struct(">Q"), struct.Struct(">QI")
_LONGEST_ANSWER = 4096

Progress = Callable[[int, int], None]


class Channel:
    """Of this node."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._receptions: dict[str, _Reception] = {}

    async def listen(self, disk: str, path: str, sender: Party, address: str, *, blank: bool = False) -> int:
        """Wait in the background for one sender, for the disk of this UUID; returns the port.

        ``blank``: it contains only zeros, so that none need be written.

        Raises InsufficientResources if none is free.
        """
        await self.give_up(disk)
        reception = _Reception(path, sender, blank)
        server = await self._serving(reception, address)
        reception.begin(server)
        current = {uuid: other for uuid, other in self._receptions.items() if not other.ended}
        self._receptions = {**current, disk: reception}
        return int(server.sockets[0].getsockname()[1])

    async def give_up(self, disk: str) -> None:
        """Stop receiving for a disk; when this returns, it is closed."""
        if reception := self._receptions.pop(disk, None):
            await reception.stop()

    async def send(
        self,
        path: str,
        receiver: Party,
        address: str,
        port: int,
        progress: Progress,
        *,
        compress: Compression = "none",
    ) -> None:
        """Raises NodeUnreachable, or ExecutionFailed with the receiver's error."""
        async with self._connected(receiver, address, port) as (reader, writer):
            answering = asyncio.create_task(_answer(reader))  # a receiver that cannot store it says so at once
            try:
                await _send(path, writer, progress, answering, _LEVELS[compress])
                async with asyncio.timeout(_SILENCE):
                    answer = await answering
            except (OSError, TimeoutError) as error:
                raise ExecutionFailed(f"The copy to {receiver.name} was interrupted: {error or 'no answer'}") from None
            finally:
                answering.cancel()
        if answer:
            raise ExecutionFailed(f"The copy to {receiver.name} failed there: {answer}")

    async def _serving(self, reception: _Reception, address: str) -> asyncio.Server:
        context = node_server(self._paths)
        for port in PORTS:
            with suppress(OSError):
                return await asyncio.start_server(
                    reception.take, address, port, ssl=context, ssl_handshake_timeout=HANDSHAKE
                )
        raise InsufficientResources(f"All TCP ports from {PORTS[0]} to {PORTS[-1]} of {address} are in use")

    @asynccontextmanager
    async def _connected(
        self, receiver: Party, address: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            async with asyncio.timeout(_WAITING):
                reader, writer = await asyncio.open_connection(
                    address, port, ssl=node_client(self._paths)(), server_hostname=receiver.name
                )
        except (OSError, TimeoutError) as error:
            raise NodeUnreachable(f"Node {receiver.name} ({address}:{port}) cannot be reached: {error}") from None
        try:
            if not _is(receiver, writer):
                raise NodeUnreachable(f"What answers as node {receiver.name} shows a certificate that is not on record")
            yield reader, writer
        finally:
            writer.transport.abort()


@dataclass(slots=True)
class _Reception:
    """Accepts one connection, from the right node."""

    path: str
    sender: Party
    blank: bool
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None

    @property
    def ended(self) -> bool:
        return all(task.done() for task in self.tasks)

    def begin(self, server: asyncio.Server) -> None:
        self.server = server
        self.tasks.append(asyncio.create_task(self._close_in_time(server)))

    async def stop(self) -> None:
        self.taken.set()
        if self.server:
            self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.taken.is_set() or not _is(self.sender, writer):
            writer.transport.abort()
            return
        self.taken.set()
        self.tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _close_in_time(self, server: asyncio.Server) -> None:
        try:
            async with asyncio.timeout(_WAITING):
                await self.taken.wait()
        except TimeoutError:
            pass  # the sender will find nobody
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(f"{await self._outcome(reader)}\n".encode())
            with suppress(OSError, TimeoutError):
                await writer.drain()
                # If it were closed while data still arrives, the connection would be reset and the answer lost.
                async with asyncio.timeout(_SILENCE):
                    while await reader.read(_PIECE):
                        pass
        finally:
            writer.transport.abort()

    async def _outcome(self, reader: asyncio.StreamReader) -> str:
        try:
            await _receive(self.path, reader, blank=self.blank)
        except GanetiError as error:
            return error.message.replace("\n", " ")
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            return str(error) or "nothing was sent any more"
        return ""


async def _send(
    path: str, writer: asyncio.StreamWriter, progress: Progress, answering: asyncio.Task[str], level: int
) -> None:
    """Send everything, or until there is an answer; ``level``: of compression, 0 for none."""
    clock = asyncio.get_running_loop().time
    length = await asyncio.to_thread(length_of, path)
    writer.write(_LENGTH.pack(length | _PACKED if level else length))
    with _opened(path, os.O_RDONLY) as descriptor:
        at, told = 0, clock()
        while at < length and not answering.done():
            start, data = await asyncio.to_thread(_next, descriptor, at, length)
            at = start + len(data)
            if data.count(0) != len(data):
                if level:
                    data = await asyncio.to_thread(zlib.compress, data, level)
                writer.write(_HEAD.pack(start, len(data)))
                writer.write(data)
            elif clock() - told > _TOLD and at < length:
                writer.write(_HEAD.pack(at, 0))
            else:
                continue
            async with asyncio.timeout(_SILENCE):
                await writer.drain()
            progress(at, length)
            told = clock()
    writer.write(_HEAD.pack(length, 0))
    progress(length, length)


def _next(descriptor: int, at: int, length: int) -> tuple[int, bytes]:
    """The next data of a disk from ``at`` on, skipping holes of a file; empty at its end."""
    try:
        at = min(os.lseek(descriptor, at, os.SEEK_DATA), length)
    except OSError as error:
        if error.errno == errno.ENXIO:  # only a hole is left
            return length, b""
        # A device, or a file system without SEEK_DATA.
    data = os.pread(descriptor, min(_PIECE, length - at), at)
    if not data and at < length:
        raise OSError(errno.EIO, "the disk has become shorter")
    os.posix_fadvise(descriptor, at, len(data), os.POSIX_FADV_DONTNEED)
    return at, data


async def _receive(path: str, reader: asyncio.StreamReader, *, blank: bool) -> None:
    """Raises WrongState for more data than fits on the disk, ExecutionFailed for invalid data."""
    (announced,) = _LENGTH.unpack(await _read(reader, _LENGTH.size))
    length, packed = announced & ~_PACKED, announced & _PACKED
    room = await asyncio.to_thread(length_of, path)
    if length > room:
        raise WrongState(f"{length} bytes are to be copied to {path}, which has {room}")
    with _opened(path, os.O_RDWR) as descriptor:
        blank = blank or await asyncio.to_thread(_made_blank, descriptor, room)
        done = 0
        while True:
            start, size = _HEAD.unpack(await _read(reader, _HEAD.size))
            most = min(_PIECE, length - start)
            if not done <= start <= length or size > (_MOST_PACKED if packed and most else most):
                raise ExecutionFailed(f"The other node sends {size} bytes for {start} of {length}")
            if not blank:
                await zero_range(path, done, start)
            done = start
            if size:
                data = await _read(reader, size)
                if packed:
                    data = await asyncio.to_thread(_unpacked, data, most)
                await to_the_end(_write, descriptor, data, start)
                done += len(data)
            if done == length and not size:
                break
        if not blank:
            await zero_range(path, length, room)
        await to_the_end(os.fsync, descriptor)


def _unpacked(data: bytes, most: int) -> bytes:
    """Raises ExecutionFailed unless it is a compressed piece of at most ``most`` bytes."""
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(data, most)
    except zlib.error as error:
        raise ExecutionFailed(f"What the other node sends cannot be decompressed: {error}") from None
    if not unpacking.eof or not found:
        raise ExecutionFailed(f"What the other node sends is not what becomes 1 to {most} bytes")
    return found


def _made_blank(descriptor: int, room: int) -> bool:
    """Fill it with zeros if that is cheap, as for a file; whether it was."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    os.ftruncate(descriptor, 0)
    os.ftruncate(descriptor, room)
    return True


def _write(descriptor: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written


async def _read(reader: asyncio.StreamReader, size: int) -> bytes:
    async with asyncio.timeout(_SILENCE):
        return await reader.readexactly(size)


async def _answer(reader: asyncio.StreamReader) -> str:
    """Why it was not written; empty if it was. Raises OSError without an answer."""
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError("the connection was closed")
    return line.decode(errors="replace").strip()[:_LONGEST_ANSWER]


def _is(party: Party, writer: asyncio.StreamWriter) -> bool:
    peer = peer_of(writer.transport)
    return peer.name == party.name and (not party.certificates or peer.certificate in party.certificates)


@contextmanager
def _opened(path: str, how: int) -> Iterator[int]:
    descriptor = os.open(path, how | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
