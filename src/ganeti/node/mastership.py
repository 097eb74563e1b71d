# SPDX-License-Identifier: BSD-2-Clause
"""Which master a node obeys; and how it steps down when it was the master and learns of another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ganeti.errors import GanetiError
from ganeti.host.daemons import MASTER_DAEMONS, Daemon
from ganeti.host.files import read_text, write_atomic
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.node.membership import noted, of_master
from ganeti.rpc.authority import Authority, Term
from ganeti.rpc.contract.node import Standing, TellStanding
from ganeti.rpc.contract.store import Position
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)


class Mastership:
    """``kept``: the position of the cluster's state that this node keeps, with digests or without.

    ``serving``: whether a master daemon runs here.
    """

    def __init__(
        self,
        paths: Paths,
        authority: Authority,
        kept: Callable[[bool], Awaitable[Position]],
        serving: Callable[[], bool],
    ) -> None:
        self._paths = paths
        self._authority = authority
        self._kept = kept
        self._serving = serving

    async def standing(self, call: TellStanding, report: Report) -> Standing:
        del report
        term = self._authority.term or Term(0, "")
        serving = await asyncio.to_thread(self._serving)
        try:
            kept = await self._kept(call.digests)
        except GanetiError as error:  # a node without a state can still vote
            _log.warning("The state of the cluster cannot be read here: %s", error)
            kept = Position(0, 0)
        return Standing(
            term.number, term.master, kept.revision, serving, whole(self._paths), noted(self._paths), kept.digests
        )


def whole(paths: Paths) -> int:
    """The term of the state that this node keeps."""
    return int(read_text(paths.replica_term) or 0)


def mark_whole(paths: Paths, term: Term) -> None:
    """Record that the state that this node keeps is of ``term``, like the master's."""
    write_atomic(paths.replica_term, f"{term.number}\n")


async def step_down(paths: Paths, services: Services, *, from_masterd: bool = False) -> None:
    """Stop and disable the daemons of a master, and give up the cluster's address.

    ``from_masterd``: the caller is the master daemon, which exits by itself.
    """
    _log.warning("Another node is the master now; the master daemon and the remote API stop here")
    try:
        # Imports much that a master daemon does not need before this.
        from ganeti.node.master_ip import MasterIp  # noqa: PLC0415

        await MasterIp(paths).give_up()  # first, as a daemon may take long to stop
    except (GanetiError, OSError, ImportError) as error:
        _log.error("The cluster's address could not be given up: %s", error)
    for daemon in reversed(MASTER_DAEMONS):
        end = services.leave_off if from_masterd and daemon is Daemon.MASTER else services.stop
        try:
            await asyncio.to_thread(end, daemon)
        except (GanetiError, OSError) as error:
            _log.error("%s could not be stopped: %s", daemon, error)
    for path in of_master(paths):
        path.unlink(missing_ok=True)
