# SPDX-License-Identifier: BSD-2-Clause
"""Calls to master candidates about their replicas of the cluster's state."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ganeti.rpc.call import Call

_NULL = msgspec.Raw(b"null")


class Record(Struct, frozen=True, array_like=True):
    """One object of the state, as JSON; a body of null deletes it."""

    kind: str
    key: str
    body: msgspec.Raw = _NULL

    @property
    def deleted(self) -> bool:
        return bytes(self.body) == b"null"


class Batch(Struct, frozen=True, kw_only=True):
    """The changes from the previous revision to ``revision``."""

    revision: int
    records: tuple[Record, ...]


class Position(Struct, frozen=True):
    """``format`` 0 means that there is none. ``gap``: the batches did not follow the present revision.

    ``digests`` are those of ``ganeti.config.store``, by parts of the state, if requested.
    """

    format: int
    revision: int
    gap: bool = False
    digests: dict[str, str] = {}


class AppendBatch(Call[Position], frozen=True, tag="store.append"):
    """Add batches to the replica, durably. Those that it already has are skipped."""

    batches: tuple[Batch, ...]
    patience = 10.0


class ReplaceStore(Call[Position], frozen=True, tag="store.replace"):
    """Replace the whole replica, for one that has fallen behind."""

    format: int
    revision: int
    records: tuple[Record, ...]
    patience = 120.0


class TellPosition(Call[Position], frozen=True, tag="store.tell"):
    """The position of the replica."""

    patience = 10.0


class DigestStore(Call[Position], frozen=True, tag="store.digest"):
    """The position of the replica, with digests of these parts of it, or of all if none is named."""

    parts: tuple[str, ...] = ()
    patience = 60.0
