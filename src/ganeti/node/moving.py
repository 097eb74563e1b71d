# SPDX-License-Identifier: BSD-2-Clause
"""The master's calls about moves between clusters."""

from __future__ import annotations

import asyncio
import datetime
from contextlib import suppress
from pathlib import Path

from ganeti.errors import GanetiError, InsufficientResources
from ganeti.host.certificates import create_one_time_credentials, ensure_valid, split
from ganeti.host.files import write_atomic
from ganeti.node.equipment import Equipment
from ganeti.rpc.contract import moving
from ganeti.rpc.server import Report

MOST_KEYS = 256  # of a node


class Moving:
    """The handlers of ``rpc/contract/moving.py``."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment

    async def make_key(self, call: moving.MakeMoveKey, report: Report) -> str:
        del report
        now = datetime.datetime.fromtimestamp(self._equipment.clock.now(), datetime.UTC)
        path = self._equipment.paths.move_keys / call.key
        return await asyncio.to_thread(_made, path, call.name, call.seconds, now)

    async def end(self, call: moving.EndMove, report: Report) -> None:
        del report
        for disk in call.disks:
            await self._equipment.channel.give_up(disk)
        (self._equipment.paths.move_keys / call.key).unlink(missing_ok=True)

    async def arrival(self, call: moving.AwaitArrival, report: Report) -> None:
        del report
        await self._equipment.channel.delivery(call.disk).arrival()

    async def confirm(self, call: moving.ConfirmArrival, report: Report) -> bool:
        del report
        return await self._equipment.channel.delivery(call.disk).accept()


def _made(path: Path, name: str, seconds: int, now: datetime.datetime) -> str:
    """The certificate of the key at ``path``, which is made if it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = [other for other in path.parent.glob("move-*") if not _outdated(other, now)]
    if path not in kept:
        if len(kept) >= MOST_KEYS:
            raise InsufficientResources(
                f"This node has {MOST_KEYS} keys for moves between clusters; each stays for a day, or until its move"
            )
        write_atomic(path, create_one_time_credentials(name, now, seconds).together, durable=False)
    return split(path.read_bytes())[0].decode()


def _outdated(path: Path, now: datetime.datetime) -> bool:
    """Whether a key is of no use any more; then it is removed."""
    try:
        ensure_valid(path.read_text(), now)
    except (GanetiError, OSError, ValueError):
        with suppress(OSError):
            path.unlink()
        return True
    return False
