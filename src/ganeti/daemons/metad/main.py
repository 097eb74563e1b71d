# SPDX-License-Identifier: BSD-2-Clause
"""The metadata daemon: tells the guests of this node what they are, and nobody else anything.

Guests are strangers. So it is a user that owns nothing but what it tells, and may do nothing but listen at its port.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ganeti.daemons.daemon import main as run_daemon
from ganeti.daemons.metad.guests import Guests
from ganeti.daemons.metad.local import methods
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.unprivileged import become, metadata_user
from ganeti.luxi.server import LuxiServer, private_socket


class _Confined:
    """What is opened while the process is still root's."""

    def __init__(self) -> None:
        self.directory = -1
        self.listening: socket.socket | None = None

    def confine(self, paths: Paths) -> None:
        """Raises EnvironmentUnfit or OSError."""
        paths.metadata.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.directory = os.open(paths.metadata, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.listening = private_socket(paths.metadata_socket)
        become(metadata_user())

    @asynccontextmanager
    async def life(self, paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
        """Serve until told to stop."""
        del paths, stop  # nothing but a signal ends it
        assert self.listening is not None  # noqa: S101 - it is confined before
        guests = Guests(self.directory)
        await guests.look()
        local = LuxiServer(methods(guests))
        await local.start_on(self.listening)
        work = asyncio.create_task(guests.attend(), name="attend")
        try:
            yield
        finally:
            await local.stop()
            work.cancel()
            await asyncio.wait([work])


def main() -> int:
    confined = _Confined()
    return run_daemon(Daemon.METADATA, "Ganeti's metadata daemon", confined.life, confined.confine)


if __name__ == "__main__":
    sys.exit(main())
