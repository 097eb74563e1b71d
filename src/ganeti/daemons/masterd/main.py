# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon as a process."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ganeti.bootstrap.join.bundles import Notary
from ganeti.bootstrap.join.invitations import Hosting, Invitations
from ganeti.bootstrap.mastership import ensure_not_replaced
from ganeti.config.sqlite import SqliteStore
from ganeti.config.upgrade import upgrade
from ganeti.daemons.daemon import main as run_daemon
from ganeti.daemons.masterd.master import Master, Surroundings
from ganeti.daemons.masterd.methods import Methods
from ganeti.declare.decode import decode
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, NotMaster
from ganeti.errors import decode as decode_error
from ganeti.host import addresses
from ganeti.host.certificates import client_context, node_name
from ganeti.host.clock import WallClock
from ganeti.host.daemons import Daemon
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.luxi.server import LuxiServer
from ganeti.model.job import JobStatus
from ganeti.model.node import Node
from ganeti.node.membership import candidate_files
from ganeti.operations.node.add import NodeAdd
from ganeti.rpc.authority import Term, read_term
from ganeti.rpc.http import HttpTransport


class SystemRandom:
    """The kernel's randomness."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def octets(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class SystemResolver:
    """The machine's resolver, in threads since it blocks."""

    async def resolve(self, name: str) -> tuple[str, str]:
        return await asyncio.to_thread(addresses.resolve, name)

    async def answers(self, address: str, port: int) -> bool:
        return await asyncio.to_thread(addresses.answers, address, port, timeout=1.0)


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Run a master from its store until it is told to stop, or cannot go on; that raises why not."""
    term = _own_term(paths)
    store = SqliteStore(paths.store)
    if store.position().revision == 0:
        raise EnvironmentUnfit(f"There is no state of a cluster in {paths.store}; 'gnt-cluster init' makes one")
    await upgrade(store)
    master = Master(
        Surroundings(
            store=store,
            transport=HttpTransport(client_context(paths.node_certificate, paths.node_key, paths.ca_certificate)),
            clock=WallClock(),
            random=SystemRandom(),
            resolver=SystemResolver(),
            allocators=Iallocators(paths.iallocator_search_path),
            candidate_files=lambda: candidate_files(paths),
            term=term,
        )
    )
    state = master.configuration.state
    others = [node for node in state.online_nodes if node.uuid != state.cluster.master_node]
    await ensure_not_replaced(master.nodes, others, term.number)
    invitations = Invitations(_hosting(paths, master))
    server = LuxiServer(Methods(master, invitations).table())
    await master.start()
    await server.start(paths.master_socket)
    over = asyncio.create_task(master.over())
    over.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        over.cancel()
        await invitations.close()
        await server.stop()
        await master.stop()
    if not over.cancelled():
        raise over.result()


def _own_term(paths: Paths) -> Term:
    term = read_term(paths.term)
    if term is None:
        raise EnvironmentUnfit("This node belongs to no cluster; 'gnt-cluster init' makes one")
    own = node_name(paths.node_certificate.read_bytes())
    if term.master != own:
        raise NotMaster(f"This is not the master: {term.master} is (this node is {own})")
    return term


def _hosting(paths: Paths, master: Master) -> Hosting:
    """What joining nodes get from this master."""
    certificate = paths.node_certificate.read_text()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.node_certificate, paths.node_key)

    async def take_in(parameters: dict[str, Any]) -> list[str]:
        operation = decode({"OP_ID": NodeAdd.wire_name(), **parameters}, NodeAdd, NodeAdd.wire_name())
        (number,) = await master.executor.submit([[operation]])
        tracked = master.queue.get(number)
        while not tracked.job.status.final:
            await tracked.changed()
        if tracked.job.status is not JobStatus.SUCCESS:
            error = decode_error(tracked.job.steps[0].result)
            raise type(error)(f"{error.message} (job {number})") if error else ExecutionFailed(f"Job {number} failed")
        return [entry.text for entry in tracked.log]

    return Hosting(
        host=master.configuration.state.master.primary_ip,
        context=context,
        fingerprint=hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest(),
        new_secret=lambda: secrets.token_bytes(16),
        is_member=lambda name: (Node.kind, name) in master.configuration.state.names,
        admit=Notary(paths).bundle,
        take_in=take_in,
    )


def main() -> int:
    return run_daemon(Daemon.MASTER, "Ganeti's master daemon", life)


if __name__ == "__main__":
    sys.exit(main())
