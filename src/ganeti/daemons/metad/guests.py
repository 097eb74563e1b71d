# SPDX-License-Identifier: BSD-2-Clause
"""Listening to the guests of this node: on the tap of each, for as long as it is there.

Who asks is known by the tap that a connection came by: sockets are bound to it (socket(7), SO_BINDTODEVICE), so a
guest that takes another's address gets nothing but what is its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import msgspec

from ganeti.daemons.metad import dhcp, http
from ganeti.daemons.metad.mailbox import Mail
from ganeti.host.files import Stamp, stamp
from ganeti.host.reasons import reason
from ganeti.model.metadata import Connection, Metadata
from ganeti.model.nic import COMMUNICATION_ADDRESS
from ganeti.rpc.listener import HttpServer

_log = logging.getLogger(__name__)

PORT = 80
LARGEST_FILE = 4_194_304  # bytes of what a guest is told
_LOOK = 0.25  # seconds between two looks at the files and the taps
_BACKLOG = 16
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Post:
    """Where a guest asks: its tap, which is another one with another index. ``stamp``: of the file it is from."""

    metadata: Metadata = field(compare=False)
    connection: Connection
    index: int
    stamp: Stamp


class Guests:
    """``directory``: that of the files, opened by who may. See ``ganeti.node.metadata``."""

    def __init__(self, directory: int) -> None:
        self._directory = directory
        self._served: dict[Post, Served] = {}
        self._mail: dict[str, Mail] = {}  # by UUID of the guest
        self._files: dict[str, tuple[Stamp, Metadata | None]] = {}
        self._troubles: set[str] = set()
        self._told: set[str] = set()

    async def attend(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(_LOOK)
        finally:
            for served in self._served.values():
                await served.close()

    async def look(self) -> None:
        """Once: listen where there is a tap, and no longer where it was removed."""
        self._told, self._troubles = self._troubles, set()
        wanted = set(self._posts())
        for gone in self._served.keys() - wanted:
            await self._served.pop(gone).close()
        for new in wanted - self._served.keys():
            try:
                self._served[new] = await Served.open(new, self._mail.setdefault(new.metadata.uuid, Mail()))
            except OSError as error:
                self._tell(f"{new.metadata.name} cannot be answered on {new.connection.device}: {reason(error)}")
        there = {metadata.uuid for _, metadata in self._files.values() if metadata}
        self._mail = {uuid: mail for uuid, mail in self._mail.items() if uuid in there}

    @property
    def known(self) -> list[Metadata]:
        return [metadata for _, metadata in self._files.values() if metadata]

    def named(self, name: str) -> list[Metadata]:
        """The guest of this name, or those of which it is the name without all of the domain."""
        exact = [metadata for metadata in self.known if metadata.name == name]
        return exact or [metadata for metadata in self.known if metadata.name.startswith(f"{name}.")]

    def mail_of(self, guest: Metadata) -> Mail | None:
        """None until it can be asked."""
        return self._mail.get(guest.uuid)

    def _posts(self) -> Iterator[Post]:
        self._read()
        for read, metadata in self._files.values():
            if metadata is None:
                continue
            for connection in metadata.connections:
                with suppress(OSError):  # its guest has ended
                    yield Post(metadata, connection, socket.if_nametoindex(connection.device), read)

    def _read(self) -> None:
        """Those of the files that are new; only they are opened."""
        names = os.listdir(self._directory)  # noqa: PTH208 - an open one, which has no path for this user
        found: dict[str, tuple[Stamp, Metadata | None]] = {}
        for name in sorted(name for name in names if name.endswith(_SUFFIX) and not name.startswith(".")):
            if now := stamp(name, directory=self._directory):
                known = self._files.get(name)
                found[name] = known if known and known[0] == now else (now, self._content(name))
        self._files = found

    def _content(self, name: str) -> Metadata | None:
        try:
            with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory), "rb") as file:  # noqa: PTH123
                return msgspec.json.decode(file.read(LARGEST_FILE), type=Metadata)
        except (OSError, msgspec.MsgspecError) as error:
            self._tell(f"{name} cannot be read: {reason(error) if isinstance(error, OSError) else error}")
            return None

    def _tell(self, trouble: str) -> None:
        """In the log, unless it was so at the last look."""
        if trouble not in self._told:
            _log.error("%s", trouble)
        self._troubles.add(trouble)


@dataclass(frozen=True, slots=True)
class Served:
    """A tap that is listened on."""

    http: HttpServer
    dhcp: asyncio.DatagramTransport

    @classmethod
    async def open(cls, post: Post, mail: Mail) -> Served:
        """Raises OSError."""
        device, loop = post.connection.device, asyncio.get_running_loop()
        with ExitStack() as undo:
            listening = undo.enter_context(_socket_on(device, socket.SOCK_STREAM, COMMUNICATION_ADDRESS, PORT))
            listening.listen(_BACKLOG)
            datagrams = undo.enter_context(_socket_on(device, socket.SOCK_DGRAM, "", dhcp.PORT))
            datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            leases, _ = await loop.create_datagram_endpoint(lambda: dhcp.Leases(post.connection), sock=datagrams)
            undo.pop_all()
        server = http.server(post.metadata, mail)
        await server.open_on(listening)
        _log.info("%s is answered on %s, %s", post.metadata.name, post.connection.device, post.connection.address)
        return cls(server, leases)

    async def close(self) -> None:
        self.dhcp.close()
        await self.http.close()


def _socket_on(device: str, kind: int, address: str, port: int) -> socket.socket:
    """Takes what comes by this network device alone, and sends by it. Raises OSError."""
    made = socket.socket(socket.AF_INET, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except BaseException:
        made.close()
        raise
    return made
