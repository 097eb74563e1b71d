# SPDX-License-Identifier: BSD-2-Clause
"""The parts of a master daemon and how they are connected."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ganeti.config.address import ClusterAddress
from ganeti.config.configuration import Configuration
from ganeti.config.facts import Facts
from ganeti.config.journal import Journal
from ganeti.config.mandate import Mandate
from ganeti.config.replication import Replication
from ganeti.config.store import Store
from ganeti.daemons.masterd.filters import Filters
from ganeti.daemons.masterd.host_keys import HostKeys
from ganeti.daemons.masterd.queries import Queries
from ganeti.daemons.masterd.trust import Trust
from ganeti.daemons.masterd.upkeep import Upkeep
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.daemons.masterd.watcher.watcher import Watcher
from ganeti.errors import GanetiError, NotMaster, RivalTerm, StaleTerm
from ganeti.host.clock import Clock
from ganeti.jobs.context import Allocators, Random, Resolver, Services
from ganeti.jobs.executor import Executor
from ganeti.jobs.locks import LockManager
from ganeti.jobs.queue import JobQueue
from ganeti.jobs.reservations import Reservations
from ganeti.jobs.turns import Turns
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.report import GuestEvent
from ganeti.operations import find
from ganeti.rpc.authority import Term
from ganeti.rpc.client import NODE_DAEMON_PORT, NodeClient
from ganeti.rpc.transport import Transport
from ganeti.rpc.watch import LiveView

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a master daemon needs from its environment, so that tests can replace it."""

    store: Store
    transport: Transport
    clock: Clock
    random: Random
    resolver: Resolver
    allocators: Allocators
    candidate_files: Callable[[], dict[str, str]]
    watcher_files: WatcherFiles
    term: Term
    start: int = 0  # greater than that of the last start in this term
    returned: Callable[[str], None] = lambda _: None  # see Mandate
    node_port: int = NODE_DAEMON_PORT


class Master:
    """A master daemon without its sockets."""

    def __init__(self, world: Surroundings) -> None:
        self.term = world.term
        self.nodes = NodeClient(
            world.transport,
            world.term.master,
            lambda: world.term.number,
            world.node_port,
            replaced=self._replaced,
            traces=lambda: self.live,
            on_record=self._on_record,
            start=world.start,
        )
        self.replication = Replication(world.store, self.nodes, self._other_candidates)
        self.mandate = Mandate(
            self.nodes, world.term.master, lambda: self.configuration.state.nodes, world.term.vouched, world.returned
        )
        self.journal = Journal(world.store, self.replication, self.mandate)
        self.configuration = Configuration(world.store, self.journal, world.clock)
        self.facts = Facts(self.configuration, self.nodes)
        self.address = ClusterAddress(self.configuration, self.nodes, lambda: self.mandate.holds)
        self.live = LiveView(self.nodes, self._guest_event, self._node_seen)
        self.services = Services(
            configuration=self.configuration,
            replication=self.replication,
            mandate=self.mandate,
            facts=self.facts,
            address=self.address,
            locks=LockManager(lambda: self.configuration.state.cluster.max_running_jobs),
            reservations=Reservations(),
            nodes=self.nodes,
            live=self.live,
            clock=world.clock,
            random=world.random,
            resolver=world.resolver,
            allocators=world.allocators,
            problems=lambda: self.configuration.problems | self.queue.problems,
            candidate_files=world.candidate_files,
            turns=Turns(),
            lists=lambda: self.queries,
        )
        self.queue = JobQueue(world.store, self.journal, world.clock)
        self.executor = Executor(self.queue, self.services, find)
        self.queries = Queries(self.services, self.executor, self._mastership)
        self.filters = Filters(self.services, self.executor)
        self.upkeep = Upkeep(self.services, self.executor)
        self.watcher = Watcher(self.services, self.executor, world.watcher_files, self.upkeep.note_shutdown)
        self.trust = Trust(self.services)
        self.host_keys = HostKeys(self.services)
        self._store = world.store

    async def over(self) -> GanetiError:
        """Wait until this master must stop, possibly for ever; the reason why it must."""
        await self.journal.over.wait()
        assert self.journal.why_over  # noqa: S101 - set before the event
        return self.journal.why_over

    async def elected(self) -> None:
        """Return when more than half of the nodes obey this master; only then may it be started.

        Raises NotMaster if one of them knows of a newer one, or if this one never fully became the master.
        """
        if self.configuration.state.master.name != self.term.master:
            raise NotMaster(
                f"{self.term.master} was about to become the master when that was interrupted; "
                "'gnt-cluster master-failover' begins again"
            )
        self.mandate.refresh()
        try:
            await self.mandate.won()
        except StaleTerm as error:
            raise NotMaster(f"Another node is the master: {error.message}") from None

    async def start(self) -> None:
        self.journal.start()
        self.facts.start()
        self.address.start()
        self.upkeep.start()
        self.trust.start()
        self.host_keys.start()
        await self.executor.start()
        self.watcher.start()
        _log.info(
            "Master of %s in term %d, %d nodes, %d instances, %d jobs",
            self.configuration.state.cluster.name,
            self.term.number,
            len(self.configuration.state.nodes),
            len(self.configuration.state.instances),
            len(list(self.queue)),
        )

    async def stop(self) -> None:
        """Stop cleanly; the next master daemon cleans up after running jobs."""
        await self.watcher.stop()
        await self.executor.stop()
        await self.host_keys.stop()
        await self.trust.stop()
        await self.upkeep.stop()
        await self.facts.stop()
        await self.address.stop()
        self.live.stop()
        await self.journal.stop()
        await self.mandate.stop()
        await self.nodes.close()
        self._store.close()

    def _mastership(self) -> dict[str, Any]:
        return {"term": self.term.number, "watcher_pause": self.watcher.pause.until}

    def _on_record(self, node_uuid: str) -> tuple[str, ...]:
        node = self.configuration.state.entities[Kind.NODE].get(node_uuid)
        return node.certificates if isinstance(node, Node) else ()

    def _replaced(self, node: Node, why: StaleTerm | RivalTerm) -> None:
        if self.mandate.contradicted(node, why):
            self.journal.replaced(why)

    def _guest_event(self, node: Node, event: GuestEvent) -> None:
        self.upkeep.guest_event(node, event)
        self.watcher.guest_event(event)

    def _node_seen(self, node: Node) -> None:
        self.upkeep.node_seen(node)
        self.watcher.node_seen()

    def _other_candidates(self) -> list[Node]:
        state = self.configuration.state
        return [node for node in state.candidates if node.uuid != state.cluster.master_node and not node.offline]
