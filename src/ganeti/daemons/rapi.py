# SPDX-License-Identifier: BSD-2-Clause
"""The remote API daemon."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ganeti.api.app import application
from ganeti.api.connection import api_server
from ganeti.api.users import Users
from ganeti.daemons.daemon import main as run_daemon
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.tls import showing
from ganeti.luxi.aio import AsyncClient

PORT = 5080


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Serve until asked to stop."""
    del stop  # nothing but a signal ends it
    master = AsyncClient(paths.master_socket)
    server = api_server(application(master, Users(paths.rapi_users)), showing(paths.rapi_certificate))
    await server.open(PORT)
    try:
        yield
    finally:
        await server.close()
        await master.close()


def main() -> int:
    return run_daemon(Daemon.REMOTE_API, "Ganeti's remote API", life)


if __name__ == "__main__":
    sys.exit(main())
