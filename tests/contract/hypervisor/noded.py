# SPDX-License-Identifier: BSD-2-Clause
"""A node daemon reduced to its node's side: answers calls on a UNIX socket, one a connection.

Usage: noded.py ROOT SOCKET
"""

import asyncio
import contextlib
import sys
from pathlib import Path

import uvloop

from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from ganeti.node.equipment import of_this_machine
from ganeti.node.service import handlers, recover
from ganeti.rpc.authority import Authority, Term, write_term
from ganeti.rpc.server import Dispatcher
from ganeti.rpc.transport import Peer

MASTER = "master.example"


async def main(root, path):
    paths = Paths(Path(root))
    write_term(paths.term, Term(1, MASTER))
    equipment = of_this_machine("node.example", paths, WallClock())
    await recover(equipment)
    dispatcher = Dispatcher(handlers(equipment), Authority(paths.term, dict))

    async def answer(reader, writer):
        async def send(line):
            writer.write(line + b"\n")
            await writer.drain()

        with contextlib.suppress(OSError):
            await send(await dispatcher.answer(Peer(MASTER, ""), (await reader.readline()).strip(), send))
        writer.close()

    Path(path).unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
