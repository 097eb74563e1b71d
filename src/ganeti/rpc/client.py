# SPDX-License-Identifier: BSD-2-Clause
"""Calling nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UnsetType

from ganeti import errors
from ganeti.errors import GanetiError, NodeCallFailed, NodeUnreachable, RivalTerm, StaleTerm
from ganeti.model.node import Node
from ganeti.rpc.call import AskSeveral, Call, Line, Listener, Outcome, encode_call, encode_request, ignore, line_decoder
from ganeti.rpc.transport import Address, Transport
from ganeti.rpc.turns import Caller

R = TypeVar("R")

NODE_DAEMON_PORT = 1811
# Maximum size of an answer that is not endless.
MOST_LINES = 200_000
MOST_BYTES = 256 * 1024**2


class Traces(Protocol):
    """Records which guests may be on which nodes, given the calls made; all by UUID."""

    def brought(self, node_uuid: str, instance_uuid: str) -> None:
        """A call that may have brought the guest there has ended, successfully or not."""
        ...

    def taken_away(self, node_uuid: str, instance_uuid: str) -> None:
        """The node has answered that the guest is no longer there."""
        ...


class NodeClient:
    """Calls nodes on behalf of a master and its term.

    ``replaced`` is called for every node that answers any call by saying that it obeys another master, newer or of the
    same term. ``traces`` is informed of guests that calls may have brought to a node, or have removed from
    it. ``on_record`` returns the present fingerprints of a node's certificates, by UUID: the node object of a long job
    may be outdated. ``start``: see ``Turn``; there is one client per start.
    """

    def __init__(
        self,
        transport: Transport,
        caller: str,
        term: Callable[[], int],
        port: int = NODE_DAEMON_PORT,
        *,
        replaced: Callable[[Node, StaleTerm | RivalTerm], None] = lambda *_: None,
        traces: Callable[[], Traces] | None = None,
        on_record: Callable[[str], tuple[str, ...]] = lambda _: (),
        start: int = 0,
    ) -> None:
        self._transport = transport
        self._caller = caller
        self._term = term
        self._port = port
        self._replaced = replaced
        self._traces = traces
        self._on_record = on_record
        self._turns = Caller(start)

    async def call(self, node: Node, call: Call[R], listener: Listener = ignore) -> R:
        """Have ``node`` carry out ``call``.

        What it reports meanwhile goes to ``listener``. Raises NodeUnreachable if no answer came (then
        it is unknown whether the call was carried out), NodeRefused or StaleTerm if the node did not accept it, or the
        error that the node reports, prefixed with the node's name.
        """
        try:
            result = await self.send(node, encode_call(call), call.deadline, listener, endless=call.endless)
        finally:
            if call.brings and self._traces:
                self._traces().brought(node.uuid, call.brings)
        if call.takes_away and self._traces:
            self._traces().taken_away(node.uuid, call.takes_away)
        return _reply(node.name, call, result)

    async def send(
        self, node: Node, body: msgspec.Raw, deadline: float, listener: Listener = ignore, *, endless: bool = False
    ) -> msgspec.Raw:
        """Like ``call``, for an encoded call; the result is left encoded."""
        address = Address(node.name, node.primary_ip, self._port, self._expected(node))
        with self._turns.turn(node.name) as turn:
            request = encode_request(body, self._term(), self._caller, turn)
            async with aclosing(self._transport.exchange(address, request, deadline)) as lines:
                last = await _last(node.name, lines, listener, endless=endless)
                # A connection that is read to the end can be reused; what follows cannot change the answer.
                with suppress(NodeUnreachable):
                    await anext(lines, None)
        if last is None:
            raise NodeUnreachable(f"Node {node.name} closed the connection before its answer was complete")
        if isinstance(last.result, UnsetType):
            error = _with_name(node.name, errors.decode(last.error))
            if isinstance(error, StaleTerm | RivalTerm):
                self._replaced(node, error)
            raise error
        return last.result

    def _expected(self, node: Node) -> tuple[str, ...]:
        """The certificates that a node may present; any, if none is recorded."""
        return node.certificates and (*node.certificates, *self._on_record(node.uuid))

    async def call_each(self, calls: Iterable[tuple[Node, Call[R]]]) -> Mapping[str, R | GanetiError]:
        """Several concurrent calls. By node name, the result or the error.

        Never raises: the failure of one node does not affect the others.
        """

        async def one(node: Node, call: Call[R]) -> tuple[str, R | GanetiError]:
            try:
                return node.name, await self.call(node, call)
            except GanetiError as error:
                return node.name, error

        return dict(await asyncio.gather(*(one(node, call) for node, call in calls)))

    async def call_all(self, nodes: Iterable[Node], call: Call[R]) -> Mapping[str, R | GanetiError]:
        """The same call to several nodes concurrently; see ``call_each``."""
        return await self.call_each((node, call) for node in nodes)

    async def ask(self, node: Node, calls: Sequence[Call[Any]]) -> list[Any]:
        """Several calls in one request: for each its result, or a GanetiError."""
        bodies = tuple(encode_call(call) for call in calls)
        several = AskSeveral(calls=bodies, seconds=max((call.deadline for call in calls), default=0.0))
        try:
            outcomes = await self.call(node, several)
        except GanetiError as error:
            return [error] * len(calls)
        if len(outcomes) != len(calls):
            return [NodeCallFailed(f"Node {node.name} answered {len(outcomes)} of {len(calls)} calls")] * len(calls)
        return [_result(node.name, call, outcome) for call, outcome in zip(calls, outcomes, strict=True)]

    def certificate_of(self, node: Node) -> str:
        """The fingerprint of the certificate that a node presented when it was last called; empty before that."""
        return self._transport.certificate(node.name)

    async def close(self) -> None:
        await self._transport.close()


async def _last(node: str, lines: AsyncIterator[bytes], listener: Listener, *, endless: bool) -> Line | None:
    """The line with the result or the error; None if there is none. Raises NodeCallFailed if a node sends too much."""
    count = size = 0
    async for raw in lines:
        count += 1
        size += len(raw)
        if not endless and (count > MOST_LINES or size > MOST_BYTES):
            raise NodeCallFailed(
                f"Node {node} answered more than {MOST_LINES} lines or {MOST_BYTES // 1024**2} MiB, and was cut off"
            )
        try:
            line = line_decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NodeCallFailed(f"Node {node} sent an invalid line: {error}") from None
        if line.error is not None or not isinstance(line.result, UnsetType):
            return line
        listener(line)
    return None


def _reply(node: str, call: Call[R], result: msgspec.Raw) -> R:
    try:
        decoded: R = _decoder(type(call)).decode(result)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise NodeCallFailed(
            f"Node {node} sent an answer to '{call.wire_name()}' that cannot be understood: {error}"
        ) from None
    return decoded


@cache
def _decoder(call: type[Call[R]]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(call.reply_type())


def _result(node: str, call: Call[R], outcome: Outcome) -> R | GanetiError:
    if isinstance(outcome.result, UnsetType):
        return _with_name(node, errors.decode(outcome.error))
    try:
        return _reply(node, call, outcome.result)
    except NodeCallFailed as error:
        return error


def _with_name(node: str, error: errors.GanetiError) -> errors.GanetiError:
    return error if node in error.message else type(error)(f"On node {node}: {error.message}")
