# SPDX-License-Identifier: BSD-2-Clause
"""The daemon of the remote API."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from ganeti.api.app import application
from ganeti.api.connection import connecting
from ganeti.api.limits import CONNECTIONS, HANDSHAKE
from ganeti.api.users import Users
from ganeti.daemons.daemon import main as run_daemon
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.tls import showing
from ganeti.luxi.aio import AsyncClient

PORT = 5080

# Before what still waits for an answer is cut off when the daemon stops; twice that passes, in aiohttp.
_GRACE = 1.0  # seconds


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Serve until told to stop."""
    del stop  # nothing but a signal ends it
    context = showing(paths.rapi_certificate)
    master = AsyncClient(paths.master_socket)
    app = application(master, Users(paths.rapi_users))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_GRACE)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - it is set up
    listening = await asyncio.get_running_loop().create_server(
        connecting(runner.server),
        port=PORT,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE,
        reuse_address=True,
        backlog=CONNECTIONS,
    )
    try:
        yield
    finally:
        listening.close()
        await runner.cleanup()
        await master.close()


def main() -> int:
    return run_daemon(Daemon.REMOTE_API, "Ganeti's remote API", life)


if __name__ == "__main__":
    sys.exit(main())
