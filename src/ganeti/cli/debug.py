# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-debug`` beyond single operations."""

from __future__ import annotations

import time
from typing import Any

from ganeti.cli.listing import HEADERS, SEPARATOR, VERBOSE, columns, output, show
from ganeti.cli.runnable import Local, presented, said
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.declare.field import ValueStatus
from ganeti.luxi.protocol import Method
from ganeti.operations.debug.allocator import DebugAllocator

COLUMNS = ("name", "mode", "owner", "pending")


def _locks(session: Session, values: dict[str, Any]) -> int:
    while True:
        answer = session.client.call(Method.QUERY, "lock", columns(values, COLUMNS), None)
        answer["data"] = [[_worded(cell) for cell in cells] for cells in answer["data"]]
        status = show(session, values, answer)
        if not values.get("interval"):
            return status
        session.say()
        time.sleep(values["interval"])


def _worded(cell: tuple[int, Any]) -> tuple[int, Any]:
    """Lists of owners, and of waiting (mode, owners), as text."""
    status, value = cell
    if status != ValueStatus.NORMAL or not isinstance(value, list):
        return cell
    return status, ",".join(f"{item[0]}:{'|'.join(item[1])}" if isinstance(item, list) else item for item in value)


IALLOCATOR = presented(DebugAllocator, said)
LOCKS = Local(
    Command(
        "gnt-debug",
        "locks",
        options=(
            HEADERS,
            SEPARATOR,
            output("lock"),
            VERBOSE,
            Option(("--interval",), "Refresh interval in seconds", kind="int", metavar="SECONDS"),
        ),
        usage="[--interval SECONDS]",
    ),
    "Show which jobs hold locks, and which jobs wait for them.",
    _locks,
)
