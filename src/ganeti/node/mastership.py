# SPDX-License-Identifier: BSD-2-Clause
"""Whom a node obeys, as it says when asked; and what it does when it was the master and learns of another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ganeti.errors import GanetiError
from ganeti.host.daemons import MASTER_DAEMONS, Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.node.master_ip import MasterIp
from ganeti.rpc.authority import Authority, Term
from ganeti.rpc.contract.node import Standing, TellStanding
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)


class Mastership:
    """``revision``: how far the cluster's state is that this node keeps, 0 if it keeps none.

    ``serving``: whether a master daemon runs here.
    """

    def __init__(self, authority: Authority, revision: Callable[[], int], serving: Callable[[], bool]) -> None:
        self._authority = authority
        self._revision = revision
        self._serving = serving

    async def standing(self, call: TellStanding, report: Report) -> Standing:
        del call, report
        term = self._authority.term or Term(0, "")
        serving = await asyncio.to_thread(self._serving)
        return Standing(term.number, term.master, self._revision(), serving)


async def step_down(paths: Paths, services: Services, *, from_masterd: bool = False) -> None:
    """Stop the daemons of a master, now and at each boot, and give up the cluster's address.

    ``from_masterd``: the caller is the master daemon, which ends by itself.
    """
    _log.warning("Another node is the master now; the master daemon and the remote API stop here")
    for daemon in reversed(MASTER_DAEMONS):
        end = services.leave_off if from_masterd and daemon is Daemon.MASTER else services.stop
        try:
            await asyncio.to_thread(end, daemon)
        except (GanetiError, OSError) as error:
            _log.error("%s could not be stopped: %s", daemon, error)
    try:
        await MasterIp(paths).give_up()
    except (GanetiError, OSError) as error:
        _log.error("The cluster's address could not be given up: %s", error)
