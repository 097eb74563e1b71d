# SPDX-License-Identifier: BSD-2-Clause
"""Switching to another installed version of the software."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import ganeti
from ganeti.host.versions import Versions
from ganeti.rpc.contract.software import Software, SwitchVersion, TellVersions
from ganeti.rpc.server import Report


class SoftwareOfNode:
    """``restart``: restart the node's daemons, this one last, when the answer has had time to be sent."""

    def __init__(self, versions: Versions, restart: Callable[[], None]) -> None:
        self._versions = versions
        self._restart = restart

    async def tell(self, call: TellVersions, report: Report) -> Software:
        del call, report
        return Software(ganeti.VERSION, tuple(version.version for version in self._versions.installed()))

    async def switch(self, call: SwitchVersion, report: Report) -> None:
        del report
        if self._versions.current() != call.version:
            await asyncio.to_thread(self._versions.switch, call.version)
        if call.version != ganeti.VERSION:
            self._restart()
