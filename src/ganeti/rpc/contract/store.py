# SPDX-License-Identifier: BSD-2-Clause
"""What the master asks of master candidates: to keep replicas of the cluster's state."""

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
    """What makes revision ``revision`` out of the one before."""

    revision: int
    records: tuple[Record, ...]


class Position(Struct, frozen=True):
    """``format`` 0 means that there is none. ``gap``: batches did not follow on what is there.

    ``digests`` are those of ``ganeti.config.store``, by parts of the state, where they were asked for.
    """

    format: int
    revision: int
    gap: bool = False
    digests: dict[str, str] = {}


class AppendBatch(Call[Position], frozen=True, tag="store.append"):
    """Add batches to the replica, durably. Those that it has already are skipped."""

    batches: tuple[Batch, ...]
    patience = 10.0


class ReplaceStore(Call[Position], frozen=True, tag="store.replace"):
    """Make this the whole replica, for one that has fallen behind."""

    format: int
    revision: int
    records: tuple[Record, ...]
    patience = 120.0


class TellPosition(Call[Position], frozen=True, tag="store.tell"):
    """Where is your replica?"""

    patience = 10.0


class DigestStore(Call[Position], frozen=True, tag="store.digest"):
    """Where is your replica, and what are the digests of these parts of it, or of all if none is named?"""

    parts: tuple[str, ...] = ()
    patience = 60.0
