# SPDX-License-Identifier: BSD-2-Clause
"""Comparing replicas with what the master has, while both are in use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ganeti.config.store import Store, range_of
from ganeti.errors import GanetiError
from ganeti.model.node import Node
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.store import DigestStore, Position

_log = logging.getLogger(__name__)

_ROUNDS = 5


async def compared(store: Store, client: NodeClient, nodes: Iterable[Node]) -> dict[str, str]:
    """What is wrong with replicas, as text by node name. Raises StoreFailed.

    A part of the state is equal if it was equal in one reading, and different if it differs at the same revision; what
    changes too fast for either is not reported. So everything is read once, then only what has changed meanwhile.
    """
    problems: dict[str, str] = {}
    left = {node.name: node for node in nodes}
    unlike: dict[str, frozenset[str]] = {}  # parts that were never seen to be equal, by node
    for _ in range(_ROUNDS):
        if not left:
            return problems
        parts = tuple(sorted({part for name in left for part in unlike.get(name, ())}))
        # Concurrently, so that little is written between the two readings.
        asked = client.call_all(left.values(), DigestStore(parts=parts))
        answers, ours = await asyncio.gather(asked, store.digested(parts))
        for name, theirs in answers.items():
            if isinstance(theirs, GanetiError):
                problems[name] = f"could not be compared with the master's: {theirs.message}"
            elif not theirs.format:
                problems[name] = "is none: this master has not made it whole yet"
            else:
                now = _unlike(theirs, ours)
                unlike[name] = now & unlike.get(name, now)
                if unlike[name] and theirs.revision == ours.revision:
                    kinds = ", ".join(sorted({range_of(part)[0] for part in unlike[name]}))
                    problems[name] = f"has other content than the master's at the same revision ({kinds})"
            if name in problems or not unlike[name]:
                del left[name]
    if left:
        _log.info("Not compared as a whole, since they change too fast: the replicas on %s", ", ".join(left))
    return problems


def _unlike(theirs: Position, ours: Position) -> frozenset[str]:
    return frozenset(part for part, _ in theirs.digests.items() ^ ours.digests.items())
