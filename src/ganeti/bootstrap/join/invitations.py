# SPDX-License-Identifier: BSD-2-Clause
"""The master's side of joining with a token.

The master listens for joining nodes only while an invitation is open.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import msgspec

from ganeti import VERSION, errors
from ganeti.bootstrap.join.messages import Answer, Apply, Ready
from ganeti.bootstrap.join.token import Token
from ganeti.errors import AccessDenied, GanetiError, WrongInput, WrongState
from ganeti.host.reasons import reason
from ganeti.node.membership import Bundle
from ganeti.rpc.connections import Connections
from ganeti.rpc.listener import Conversation, Listener

_log = logging.getLogger(__name__)

JOIN_PORT = 1816
_LONGEST_LINE = 1 << 16
_PATIENCE = 120.0  # seconds for each message of a node with a valid token
_FIRST = 15.0  # seconds for the first message, from anybody
_WRONG = 1.0  # seconds of delay before a wrong token is refused
MOST_CALLERS = 64
MOST_OF_NETWORK = 16
SHORTEST, LONGEST = 60, 30 * 86400  # seconds that an invitation may be valid
UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for the one that the node will come from

_NOT_VALID = AccessDenied("The token has expired or was used; create a new one with 'gnt-node invite' on the master")


@dataclass(frozen=True, slots=True)
class Invitation:
    """``options``: parameters of OP_NODE_ADD. ``expires``: by the event loop's clock."""

    node_name: str
    options: dict[str, Any]
    secret: bytes
    expires: float


@dataclass(frozen=True, slots=True)
class Hosting:
    """The master's callbacks for joining nodes.

    ``admit`` creates a bundle from (name, request); ``take_in`` runs the job with OP_NODE_ADD's parameters
    and returns its log; ``may_come`` checks the same parameters without the node. Each raises an error if it cannot.
    """

    host: str
    context: ssl.SSLContext
    fingerprint: Callable[[], bytes]
    new_secret: Callable[[], bytes]
    may_come: Callable[[dict[str, Any]], Awaitable[Any]]
    admit: Callable[[str, bytes], Bundle]
    take_in: Callable[[dict[str, Any]], Awaitable[list[str]]]
    port: int = JOIN_PORT


class Invitations:
    """All open invitations."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._open: list[Invitation] = []
        self._listener: Listener | None = None
        self._closing: asyncio.TimerHandle | None = None

    async def invite(self, node_name: str, options: dict[str, Any], valid: float) -> str:
        """A token for a node, valid for ``valid`` seconds; an earlier one for the same node becomes invalid."""
        await self._hosting.may_come({"primary_ip": UNKNOWN_ADDRESS, **options, "node_name": node_name})
        await self._listen()
        now = asyncio.get_running_loop().time()
        secret = self._hosting.new_secret()
        self._open = [i for i in self._open if i.node_name != node_name and i.expires > now]
        self._open.append(Invitation(node_name, options, secret, now + valid))
        self._close_in_time()
        return Token(self._hosting.host, self._hosting.port, self._hosting.fingerprint(), secret).encode()

    async def close(self) -> None:
        self._open.clear()
        if self._closing:
            self._closing.cancel()
        if self._listener:
            listener, self._listener = self._listener, None
            await listener.close()

    async def _listen(self) -> None:
        if self._listener:
            return
        connections = Connections(MOST_CALLERS, MOST_OF_NETWORK)
        listener = Listener(
            connections, lambda place: Conversation(place, self._answer, _LONGEST_LINE), self._hosting.context
        )
        try:
            listener.open(self._hosting.port)
        except OSError as error:
            raise WrongState(f"Cannot listen for joining nodes on port {self._hosting.port}: {reason(error)}") from None
        self._listener = listener

    def _close_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        if self._closing:
            self._closing.cancel()
        last = max(invitation.expires for invitation in self._open)
        self._closing = loop.call_at(last, lambda: asyncio.ensure_future(self.close()))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except GanetiError as error:
            _log.warning("A node could not join: %s", error.message)
            await _say(writer, Answer(error=errors.encode(error)))
        except (msgspec.MsgspecError, ValueError):
            await _say(writer, Answer(error=errors.encode(WrongInput("The request could not be understood"))))
        except (OSError, EOFError, TimeoutError) as error:
            _log.warning("A node stopped joining: %s", reason(error))
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        applied = msgspec.json.decode(await _hear(reader, _FIRST), type=Apply)
        invitation = self._find(applied.secret)
        if invitation is None:
            await asyncio.sleep(_WRONG)
            raise _NOT_VALID
        if applied.version != VERSION:
            raise WrongState(
                f"This node runs version {applied.version}, the master {VERSION}; install the same version"
            )
        name = invitation.node_name
        address = applied.address or writer.get_extra_info("peername")[0]
        parameters = {"primary_ip": address, **invitation.options, "node_name": name}
        _ensure_can_be_called(parameters["primary_ip"])
        await self._hosting.may_come(parameters)
        # No await from here until the token is used up: it must not give a second certificate.
        if invitation not in self._open:
            raise _NOT_VALID
        bundle = self._hosting.admit(name, applied.request.encode())
        self._open.remove(invitation)
        await _say(writer, Answer(bundle=bundle, node_name=name))
        msgspec.json.decode(await _hear(reader, _PATIENCE), type=Ready)
        try:
            lines = await self._hosting.take_in(parameters)
        except GanetiError as error:
            raise type(error)(
                f"{error.message}; the token is used up; create a new one with 'gnt-node invite'"
            ) from error
        await _say(writer, Answer(lines=tuple(lines), node_name=name))

    def _find(self, secret: str) -> Invitation | None:
        now = asyncio.get_running_loop().time()
        given = bytes.fromhex(secret)
        for invitation in self._open:
            if hmac.compare_digest(invitation.secret, given) and invitation.expires > now:
                return invitation
        return None


def _ensure_can_be_called(address: str) -> None:
    """Raise WrongInput for what is not an IP address, and for an unspecified, multicast or link-local one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise WrongInput(f"Parameter 'primary_ip': '{address}' is not an IP address") from None
    if parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local:
        raise WrongInput(f"Parameter 'primary_ip': {address} is not an address at which a node can be called")


async def _hear(reader: asyncio.StreamReader, patience: float) -> bytes:
    async with asyncio.timeout(patience):
        line = await reader.readline()
    if not line:
        raise EOFError("the node closed the connection")
    return line


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    try:
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()
    except OSError as error:
        _log.warning("Lost the connection to a joining node: %s", reason(error))
