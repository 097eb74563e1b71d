# SPDX-License-Identifier: BSD-2-Clause
"""The node's side of a call: authorisation, dispatch, and answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Union

import msgspec
from msgspec import Struct

from ganeti import errors
from ganeti.errors import ExecutionFailed, GanetiError, NodeRefused
from ganeti.host.reasons import reason
from ganeti.model.timing import HEARTBEAT
from ganeti.rpc.authority import Authority
from ganeti.rpc.call import AskSeveral, Call, Line, Outcome, Progress, Request, Turn, encoder, request_decoder
from ganeti.rpc.transport import Peer
from ganeti.rpc.turns import Turns

_log = logging.getLogger(__name__)

_SOON = 0.02  # seconds; calls answered within this time need only one message
MOST_LINES = 10000  # queued for a caller

Send = Callable[[bytes], Awaitable[None]]


class Report:
    """What a handler reports while it works. Lines are sent in order; reporting never blocks.

    If a caller reads too slowly, log lines and progress are dropped, but not events.
    """

    def __init__(self) -> None:
        self._lines: asyncio.Queue[Line] = asyncio.Queue(MOST_LINES)

    def log(self, text: str) -> None:
        with suppress(asyncio.QueueFull):
            self._lines.put_nowait(Line(log=text))

    def progress(self, done: float, total: float, unit: str) -> None:
        with suppress(asyncio.QueueFull):
            self._lines.put_nowait(Line(progress=Progress(done, total, unit)))

    def event(self, event: msgspec.Struct) -> None:
        """Raises ExecutionFailed if the caller reads too slowly: events must not be dropped."""
        try:
            self._lines.put_nowait(Line(event=msgspec.Raw(encoder.encode(event))))
        except asyncio.QueueFull:
            raise ExecutionFailed("The caller does not read the events that it asked for") from None

    async def next(self) -> Line:
        """The next line; a heartbeat if there is none for a while."""
        try:
            async with asyncio.timeout(HEARTBEAT):
                return await self._lines.get()
        except TimeoutError:
            return Line()

    def drain(self) -> list[Line]:
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]


Handler = Callable[[Any, Report], Awaitable[Any]]


class _Named(Struct, frozen=True):
    """A call, of which only the name is decoded."""

    call: str = ""


_name_decoder = msgspec.json.Decoder(_Named)


class Dispatcher:
    """Authorises callers, finds the handler of a call and answers."""

    def __init__(self, handlers: Mapping[type[Call[Any]], Handler], authority: Authority) -> None:
        known: dict[type[Call[Any]], Handler] = {**handlers, AskSeveral: _Several(handlers).carry_out}
        self._handlers = {cls.wire_name(): (cls, msgspec.json.Decoder(cls), run) for cls, run in known.items()}
        self._authority = authority
        self._turns = Turns()

    async def answer(self, peer: Peer, body: bytes, send: Send) -> bytes:
        """Carry out a request of ``peer``: the last line of the answer, empty if nobody is waiting for it any more.

        Earlier lines are sent immediately, except for quick calls.
        """
        report = Report()
        work = asyncio.create_task(self._outcome(peer, body, report))
        try:
            await asyncio.wait([work], timeout=_SOON)
            if not work.done():
                await _forwarded(work, report, send)
        finally:
            work.cancel()
            await asyncio.wait([work])
        if work.cancelled():
            return b""
        for line in report.drain():
            await send(encoder.encode(line))
        return encoder.encode(work.result())

    async def _outcome(self, peer: Peer, body: bytes, report: Report) -> Line:
        try:
            request, call, run = self._admitted(peer, body)
            # Calls open to all candidates may come from others than the master, and are not numbered.
            term, turn = (0, Turn()) if call.any_candidate else (request.term, request.turn)
            with self._turns.taken(term, turn):
                outcome = await _carried_out(call, run, report)
        except GanetiError as error:
            return Line(error=errors.encode(error))
        return Line(result=outcome.result, error=outcome.error)

    def _admitted(self, peer: Peer, body: bytes) -> tuple[Request, Call[Any], Handler]:
        try:
            request: Request = request_decoder.decode(body)
            name = _name_decoder.decode(request.body).call
            cls, decoder, run = self._handlers.get(name, (Call, None, None))
            if cls.any_candidate:
                self._authority.admit_candidate(peer, request.caller)
            else:
                self._authority.admit(peer, request.caller, request.term)
            if decoder is None or run is None:
                raise NodeRefused(f"This node does not know the call '{name}'; do all nodes run the same version?")
            return request, decoder.decode(request.body), run
        except msgspec.ValidationError as error:
            raise NodeRefused(f"The call cannot be understood: {error}") from None
        except msgspec.DecodeError:
            raise NodeRefused("The call is not JSON") from None


class _Several:
    """Carries out the calls of one request concurrently; see ``AskSeveral``."""

    def __init__(self, handlers: Mapping[type[Call[Any]], Handler]) -> None:
        self._handlers = handlers
        self._decoder = msgspec.json.Decoder(Union[tuple(handlers)])  # noqa: UP007 - put together at run time

    async def carry_out(self, several: AskSeveral, report: Report) -> tuple[Outcome, ...]:
        return tuple(await asyncio.gather(*(self._one(body, report) for body in several.calls)))

    async def _one(self, body: msgspec.Raw, report: Report) -> Outcome:
        try:
            call: Call[Any] = self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            return Outcome(error=errors.encode(NodeRefused(f"The call cannot be understood: {error}")))
        try:
            async with asyncio.timeout(call.deadline):
                return await _carried_out(call, self._handlers[type(call)], report)
        except TimeoutError:
            return Outcome(error=errors.encode(ExecutionFailed(f"There was no answer in {call.deadline:.0f} seconds")))


async def _carried_out(call: Call[Any], run: Handler, report: Report) -> Outcome:
    """Never raises."""
    try:
        return Outcome(result=msgspec.Raw(encoder.encode(await run(call, report))))
    except GanetiError as error:
        return Outcome(error=errors.encode(error))
    except OSError as error:
        return Outcome(error=errors.encode(ExecutionFailed(reason(error))))
    except Exception as error:  # noqa: BLE001 - the caller must hear of it, whatever it is
        _log.exception("The call '%s' failed unexpectedly", call.wire_name())
        return Outcome(error=errors.encode(error))


async def _forwarded(work: asyncio.Task[Line], report: Report, send: Send) -> None:
    """Return when the work is done, or when the caller has closed the connection so that it is not needed any more."""
    forwarding = asyncio.create_task(_forward(report, send))
    try:
        await asyncio.wait([work, forwarding], return_when=asyncio.FIRST_COMPLETED)
    finally:
        forwarding.cancel()
        await asyncio.wait([forwarding])


async def _forward(report: Report, send: Send) -> None:
    """Send reports until the caller closes the connection."""
    while True:
        try:
            await send(encoder.encode(await report.next()))
        except OSError:
            return
