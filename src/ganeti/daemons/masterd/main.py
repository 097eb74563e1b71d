# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon as a process."""

from __future__ import annotations

import asyncio
import secrets
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from msgspec import structs

from ganeti.bootstrap.join.bundles import Notary
from ganeti.bootstrap.join.invitations import Hosting, Invitations
from ganeti.config.sqlite import SqliteStore
from ganeti.config.upgrade import upgrade
from ganeti.daemons.daemon import main as run_daemon
from ganeti.daemons.masterd.master import Master, Surroundings
from ganeti.daemons.masterd.methods import Methods
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.declare.decode import decode
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, NotMaster, WrongState
from ganeti.errors import decode as decode_error
from ganeti.host import addresses
from ganeti.host.certificates import fingerprint, node_name
from ganeti.host.clock import Clock, WallClock
from ganeti.host.daemons import Daemon
from ganeti.host.files import read_text, write_atomic
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.host.services import services
from ganeti.host.tls import node_client, showing
from ganeti.luxi.server import LuxiServer
from ganeti.model.caller import ROOT
from ganeti.model.job import JobStatus
from ganeti.node.mastership import mark_whole, step_down
from ganeti.node.membership import candidate_files
from ganeti.operations.node.add import NodeAdd
from ganeti.rpc.authority import Term, read_term, write_term
from ganeti.rpc.http import HttpTransport

_GLANCE = 5.0  # seconds for which the start of the daemon waits for the nodes' votes
_NOT_ELECTED = (
    "This master does not serve yet: it waits until more than half of the nodes answer. If the others are off for "
    "sure, 'gnt-cluster master-failover --no-voting' on this node lets it go on without them"
)


class SystemRandom:
    """The kernel's randomness."""

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def octets(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class SystemResolver:
    """The system's resolver, in threads since it blocks."""

    async def resolve(self, name: str, version: int | None = None) -> tuple[str, str]:
        return await asyncio.to_thread(addresses.resolve, name, version)

    async def answers(self, address: str, port: int) -> bool:
        return await asyncio.to_thread(addresses.answers, address, port)


@asynccontextmanager
async def life(paths: Paths, stop: asyncio.Event) -> AsyncIterator[None]:
    """Run a master from its store until it is asked to stop; raises an error if it cannot go on."""
    master = await _prepared(paths)
    invitations = Invitations(_hosting(paths, master))
    server = LuxiServer(Methods(master, invitations).table(), closed=WrongState(_NOT_ELECTED))
    await server.start(paths.master_socket)
    work = asyncio.create_task(_serve(paths, master, server))
    work.add_done_callback(lambda _: stop.set())
    await _first(work, server.opened.wait())
    try:
        yield
    finally:
        ended = work.done()
        work.cancel()
        await asyncio.wait([work])
        await invitations.close()
        await server.stop()
        await master.stop()
        if ended and isinstance(work.exception(), NotMaster):
            await step_down(paths, services(paths), from_masterd=True)
    if ended:
        work.result()


async def _first(work: asyncio.Task[None], served: Coroutine[Any, Any, Any]) -> None:
    """Usually most nodes answer immediately; if they don't, systemd need not wait for them."""
    ready = asyncio.create_task(served)
    await asyncio.wait([ready, work], timeout=_GLANCE, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()


async def _serve(paths: Paths, master: Master, server: LuxiServer) -> None:
    """Never returns; raises the reason why it cannot go on."""
    await master.elected()
    mark_whole(paths, master.term)
    await master.start()
    server.open()
    raise await master.over()


async def _prepared(paths: Paths) -> Master:
    """A master that has only its store so far."""
    term, clock = _own_term(paths), WallClock()
    store = SqliteStore(paths.store)
    if store.position().revision == 0:
        raise EnvironmentUnfit(f"There is no cluster configuration in {paths.store}; 'gnt-cluster init' creates one")
    await upgrade(store)
    return Master(
        Surroundings(
            store=store,
            transport=HttpTransport(node_client(paths)),
            clock=clock,
            random=SystemRandom(),
            resolver=SystemResolver(),
            allocators=Iallocators(paths.iallocator_search_path),
            candidate_files=lambda: candidate_files(paths),
            watcher_files=WatcherFiles(paths),
            term=term,
            start=_next_start(paths, clock),
            returned=partial(_no_longer_vouched, paths),
        )
    )


def _next_start(paths: Paths, clock: Clock) -> int:
    """Greater than the last one, even if the clock was set back since then, or the file is lost."""
    last = read_text(paths.master_starts) or ""
    start = max(int(last) + 1 if last.isdecimal() else 1, int(clock.now()))
    write_atomic(paths.master_starts, f"{start}\n")
    return start


def _no_longer_vouched(paths: Paths, name: str) -> None:
    """A node that was declared off is back: it counts again, also for the next master daemon."""
    term = read_term(paths.term)
    if term and name in term.vouched:
        write_term(paths.term, structs.replace(term, vouched=tuple(one for one in term.vouched if one != name)))


def _own_term(paths: Paths) -> Term:
    term = read_term(paths.term)
    if term is None:
        raise EnvironmentUnfit("This node does not belong to a cluster; 'gnt-cluster init' creates one")
    own = node_name(paths.node_certificate.read_bytes())
    if term.master != own:
        raise NotMaster(f"This is not the master: {term.master} is (this node is {own})")
    return term


def _hosting(paths: Paths, master: Master) -> Hosting:
    """What joining nodes get from this master."""

    async def run(parameters: dict[str, Any]) -> list[str]:
        operation = decode({"OP_ID": NodeAdd.wire_name(), **parameters}, NodeAdd, NodeAdd.wire_name())
        (number,) = await master.executor.submit([[operation]], ROOT)
        tracked = master.queue.get(number)
        job = await master.queue.ended(number)
        if job.status is not JobStatus.SUCCESS:
            error = decode_error(job.steps[0].result)
            raise type(error)(f"{error.message} (job {number})") if error else ExecutionFailed(f"Job {number} failed")
        return [entry.text for entry in tracked.log]

    return Hosting(
        host=master.configuration.state.master.primary_ip,
        context=showing(paths.node_certificate, paths.node_key),
        fingerprint=lambda: bytes.fromhex(fingerprint(paths.node_certificate.read_bytes())),
        new_secret=lambda: secrets.token_bytes(16),
        may_come=lambda parameters: run(parameters | {"dry_run": True}),
        admit=Notary(paths).bundle,
        take_in=run,
    )


def main() -> int:
    return run_daemon(Daemon.MASTER, "Ganeti's master daemon", life)


if __name__ == "__main__":
    sys.exit(main())
