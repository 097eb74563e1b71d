# SPDX-License-Identifier: BSD-2-Clause
"""Calls to nodes, and their form on the wire.

A call is a frozen value; its class names the reply's type. It is idempotent. One HTTP request carries
one call; the answer consists of lines of JSON, the last of which is the result or the error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ganeti.model.timing import DEFAULT_DEADLINE

R = TypeVar("R")


class Call(Struct, Generic[R], frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="call"):
    """Something the master may request of a node; ``R`` is the type of the result."""

    patience: ClassVar[float] = DEFAULT_DEADLINE
    endless: ClassVar[bool] = False  # whether its answer may be endless, and of any size
    any_candidate: ClassVar[bool] = False  # whether every master candidate may make this call, in any term

    @property
    def deadline(self) -> float:
        """Seconds after which the caller gives up."""
        return self.patience

    @property
    def brings(self) -> str:
        """UUID of a guest that may be on the node from then on, whether or not the call succeeds."""
        return ""

    @property
    def takes_away(self) -> str:
        """UUID of a guest that is no longer on the node once this has succeeded."""
        return ""

    @classmethod
    def wire_name(cls) -> str:
        tag = cls.__struct_config__.tag
        assert isinstance(tag, str)  # noqa: S101 - every call names its tag
        return tag

    @classmethod
    def reply_type(cls) -> Any:
        bases: tuple[Any, ...] = getattr(cls, "__orig_bases__")  # noqa: B009 - unknown to mypy
        return get_args(bases[0])[0]


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one of several calls ended."""

    result: msgspec.Raw | UnsetType = UNSET
    error: list[Any] | None = None


class AskSeveral(Call[tuple[Outcome, ...]], frozen=True, tag="ask-several"):
    """Several calls in one request, carried out concurrently; the failure of one does not affect the others.

    Each has its own deadline on the node; ``seconds`` is that of the whole.
    """

    calls: tuple[msgspec.Raw, ...]
    seconds: float

    @property
    def deadline(self) -> float:
        return self.seconds + DEFAULT_DEADLINE


class Turn(Struct, frozen=True, array_like=True):
    """The number of a call among those of its caller; see ``rpc/turns.py``.

    ``start`` is that of the master daemon; 0 for other callers, which do not number calls. ``waited_for``: the numbers
    of all calls to the node that the caller is still waiting for, including this one.
    """

    start: int = 0
    number: int = 0
    waited_for: tuple[int, ...] = ()


class Request(Struct, frozen=True, kw_only=True, rename={"body": "call"}):
    """``term`` and ``caller`` (a node's name) identify the caller."""

    term: int
    caller: str
    body: msgspec.Raw
    turn: Turn = Turn()


class Progress(Struct, frozen=True, array_like=True):
    """Progress of a long call, in ``unit``s."""

    done: float
    total: float
    unit: str


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an answer; without any field set it is a heartbeat."""

    log: str | None = None
    progress: Progress | None = None
    event: msgspec.Raw | UnsetType = UNSET
    result: msgspec.Raw | UnsetType = UNSET
    error: list[Any] | None = None


# Receives what a node reports while it works.
Listener = Callable[[Line], None]


def ignore(line: Line) -> None:
    """A listener that ignores everything."""


encoder = msgspec.json.Encoder()
request_decoder = msgspec.json.Decoder(Request)
line_decoder = msgspec.json.Decoder(Line)


def encode_call(call: Call[Any]) -> msgspec.Raw:
    return msgspec.Raw(encoder.encode(call))


def encode_request(body: msgspec.Raw, term: int, caller: str, turn: Turn = Turn()) -> bytes:  # noqa: B008 - frozen
    return encoder.encode(Request(term=term, caller=caller, body=body, turn=turn))
