# SPDX-License-Identifier: BSD-2-Clause
"""The datagrams of ganeti-confd: JSON that is signed with the cluster's key (Ganeti 2.1 design, "Ganeti Confd")."""

from __future__ import annotations

import hashlib
import hmac
from enum import IntEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

PORT = 1814
MAGIC = b"plj0"
PROTOCOL = 1
LARGEST_QUERY = 16_384  # bytes
LARGEST_ANSWER = 61_440  # bytes
CLOCK_DIFFERENCE = 300  # seconds
_LONGEST_SALT = 256


class Status(IntEnum):
    OK = 0
    ERROR = 1
    NOT_IMPLEMENTED = 2


class ErrorCode(IntEnum):
    """The content of an answer with status ERROR, where it is not a string."""

    UNKNOWN_ENTRY = 0
    INTERNAL = 1
    ARGUMENT = 2


class QueryType(IntEnum):
    """Types of queries."""

    PING = 0
    NODE_ROLE = 1
    NODE_OF_ADDRESS = 2
    MASTER = 3
    NODE_ADDRESSES = 4
    CANDIDATE_ADDRESSES = 5
    INSTANCE_ADDRESSES = 6
    NODE_DRBD = 7
    NODE_INSTANCES = 8
    INSTANCE_DISKS = 9
    CONFIGURATION = 10
    COLLECTORS = 11


class Query(Struct, frozen=True):
    """``rsalt``: the salt that the answer must have. ``query``: the argument, whose form depends on the type."""

    type: int
    rsalt: Annotated[str, Meta(max_length=_LONGEST_SALT)]
    query: Any = None


class Answer(Struct, frozen=True):
    """``serial`` grows with the configuration: of several answers the one with the greatest is the newest."""

    status: Status
    answer: Any
    serial: int = 0


class _Envelope(Struct, frozen=True):
    """``hmac``: of salt and message."""

    msg: str
    salt: str
    hmac: str


_envelopes = msgspec.json.Decoder(_Envelope)
_queries = msgspec.json.Decoder(Query)
_answers = msgspec.json.Decoder(Answer)


def opened(packet: bytes, key: bytes, now: float) -> Query | None:
    """None if it is not a query, not signed with the key, or if its time differs by more than ``CLOCK_DIFFERENCE``."""
    if not packet.startswith(MAGIC) or len(packet) > LARGEST_QUERY:
        return None
    try:
        envelope = _envelopes.decode(packet[len(MAGIC) :])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not hmac.compare_digest(_signature(key, envelope.salt, envelope.msg).encode(), envelope.hmac.encode()):
        return None
    salt = envelope.salt
    if not (salt.isascii() and salt.isdigit() and len(salt) < 16 and abs(int(salt) - now) <= CLOCK_DIFFERENCE):
        return None
    try:
        return _queries.decode(envelope.msg)
    except msgspec.MsgspecError:
        return None


def sealed(answer: Answer, salt: str, key: bytes) -> bytes:
    """The datagram of an answer; for one that is too large, of an error that says so."""
    packet = _packet(answer, salt, key)
    if len(packet) <= LARGEST_ANSWER:
        return packet
    told = f"The answer has {len(packet)} bytes; a datagram of ganeti-confd has {LARGEST_ANSWER} at most"
    return _packet(Answer(Status.ERROR, told), salt, key)


def asked(query: Query, key: bytes, now: float) -> bytes:
    """The datagram of a query."""
    return _packet(query, f"{now:.0f}", key)


def told(packet: bytes, rsalt: str, key: bytes) -> Answer | None:
    """The answer to the query with this ``rsalt``; None if the packet is not one, or not signed with the key."""
    try:
        envelope = _envelopes.decode(packet[len(MAGIC) :])
        if envelope.salt == rsalt and hmac.compare_digest(_signature(key, rsalt, envelope.msg), envelope.hmac):
            return _answers.decode(envelope.msg)
    except (msgspec.MsgspecError, TypeError, UnicodeError):
        pass
    return None


def _packet(said: Query | Answer, salt: str, key: bytes) -> bytes:
    message = msgspec.json.encode({"protocol": PROTOCOL, **msgspec.to_builtins(said)}).decode()
    return _signed(message, salt, key)


def _signed(message: str, salt: str, key: bytes) -> bytes:
    return MAGIC + msgspec.json.encode({"hmac": _signature(key, salt, message), "msg": message, "salt": salt})


def _signature(key: bytes, salt: str, message: str) -> str:
    return hmac.new(key, f"{salt}{message}".encode(), hashlib.sha1).hexdigest()
