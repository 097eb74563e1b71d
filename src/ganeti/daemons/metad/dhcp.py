# SPDX-License-Identifier: BSD-2-Clause
"""The address of a guest's card to the metadata daemon, by DHCP (RFC 2131): its own, and nothing else.

No gateway and no name server are told, so that nothing of what the guest's other cards have is replaced.
"""

from __future__ import annotations

import asyncio
import struct
from ipaddress import IPv4Address, IPv4Network

from ganeti.model.metadata import Connection
from ganeti.model.nic import COMMUNICATION_ADDRESS, COMMUNICATION_SUBNET

PORT, CLIENT_PORT = 67, 68
LARGEST = 1_500  # bytes of a message that is looked at
LEASE = 86_400  # seconds

_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")  # RFC 2131, 2, with the magic cookie
_COOKIE = b"\x63\x82\x53\x63"
_REQUEST, _REPLY = 1, 2
_ETHERNET, _HARDWARE = 1, 6  # kind and length of an address
_DISCOVER, _OFFER, _WANTED, _ACK, _NAK = 1, 2, 3, 5, 6
# Options of RFC 2132.
_PAD, _END = 0, 255
_MASK, _REQUESTED, _LEASE_TIME, _KIND, _SERVER = 1, 50, 51, 53, 54


class Leases(asyncio.DatagramProtocol):
    """Answers on one tap, to the card behind it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # of datagrams
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr  # it has none yet
        reply = answer(data, self._connection)
        if reply and self._transport:
            self._transport.sendto(reply, ("255.255.255.255", CLIENT_PORT))


def answer(data: bytes, connection: Connection) -> bytes | None:
    """To a message of a client; None to what is none, or not of the card."""
    if not _FIXED.size <= len(data) <= LARGEST:
        return None
    fields = _FIXED.unpack_from(data)
    operation, kind, length, transaction, flags = fields[0], fields[1], fields[2], fields[4], fields[6]
    hardware = fields[11]
    mac = bytes.fromhex(connection.mac.replace(":", ""))
    if (operation, kind, length, fields[14]) != (_REQUEST, _ETHERNET, _HARDWARE, _COOKIE):
        return None
    if hardware[:_HARDWARE] != mac:
        return None
    own, server = IPv4Address(connection.address).packed, IPv4Address(COMMUNICATION_ADDRESS).packed
    options = _options(data[_FIXED.size :])
    if options.get(_SERVER, server) != server:
        return None  # it has chosen another server
    asked = options.get(_KIND)
    if asked == bytes([_DISCOVER]):
        told = _OFFER
    elif asked == bytes([_WANTED]):
        wanted = options.get(_REQUESTED) or fields[7]
        told = _ACK if wanted == own else _NAK
    else:
        return None
    empty = bytes(4)
    given = empty if told == _NAK else own
    head = _FIXED.pack(
        *(_REPLY, _ETHERNET, _HARDWARE, 0, transaction, 0, flags),
        *(empty, given, server, empty, hardware, b"", b"", _COOKIE),
    )
    tail = _option(_KIND, bytes([told])) + _option(_SERVER, server)
    if told != _NAK:
        tail += _option(_MASK, IPv4Network(COMMUNICATION_SUBNET).netmask.packed)
        tail += _option(_LEASE_TIME, LEASE.to_bytes(4))
    return head + tail + bytes([_END])


def _options(data: bytes) -> dict[int, bytes]:
    """As far as they are whole."""
    found: dict[int, bytes] = {}
    place = 0
    while place + 1 < len(data) and data[place] != _END:
        if data[place] == _PAD:
            place += 1
            continue
        length = data[place + 1]
        value = data[place + 2 : place + 2 + length]
        if len(value) < length:
            break
        found[data[place]] = value
        place += 2 + length
    return found


def _option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value
