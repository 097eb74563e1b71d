# SPDX-License-Identifier: BSD-2-Clause
"""What the master does by itself: follow nodes, react to guests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ganeti.daemons.masterd.background import Background
from ganeti.daemons.masterd.own_jobs import OwnJobs
from ganeti.errors import GanetiError
from ganeti.jobs.context import Services
from ganeti.jobs.executor import Executor
from ganeti.model.entity import Entity
from ganeti.model.guest import may_shut_itself_down
from ganeti.model.guest_state import GuestState
from ganeti.model.instance import AdminState, Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.report import GuestEvent
from ganeti.model.state import State
from ganeti.operations.instance.shutdown import InstanceShutdown

_log = logging.getLogger(__name__)

_PURGE = 3600.0  # seconds between two searches for jobs that were archived too long ago


class Upkeep:
    """Follows the configuration and the nodes' events."""

    def __init__(self, services: Services, executor: Executor) -> None:
        self._services = services
        self._executor = executor
        self._jobs = OwnJobs(executor, services.clock, "gnt:daemon:masterd")
        self._background = Background()
        self._noting: set[str] = set()  # UUIDs of instances
        services.configuration.subscribe(self._configuration_changed)

    def start(self) -> None:
        self._follow(self._services.configuration.state)
        self._background.spawn(self._purge_jobs())

    async def stop(self) -> None:
        await self._background.stop()

    def guest_event(self, node: Node, event: GuestEvent) -> None:
        """A guest has changed on a node."""
        _log.info("Instance %s on %s: %s", event.name or event.uuid, node.name, event.state.because(event.reason))
        self._heed(node, event)

    def node_seen(self, node: Node) -> None:
        """A node's guests are known, including what happened to them while there was no master."""
        for event in self._services.live.ended_on(node.uuid).values():
            self._heed(node, event)

    def _heed(self, node: Node, event: GuestEvent) -> None:
        """Note the shutdown of a guest that may shut itself down."""
        if event.state is not GuestState.USER_DOWN:
            return
        state = self._services.configuration.state
        known = state.entities[Kind.INSTANCE].get(event.uuid)
        if (
            isinstance(known, Instance)
            and known.admin_state is AdminState.UP
            and known.primary_node == node.uuid
            and may_shut_itself_down(state, known)
        ):
            self.note_shutdown(known)

    def note_shutdown(self, instance: Instance) -> None:
        """Have a job note that the guest of an instance has shut itself down, unless one is already going to."""
        if instance.uuid not in self._noting:
            self._noting.add(instance.uuid)
            self._background.spawn(self._note_shutdown(instance))

    async def _note_shutdown(self, instance: Instance) -> None:
        operation = InstanceShutdown(
            instance_name=instance.name, instance_uuid=instance.uuid, admin_state_source="user"
        )
        try:
            await self._jobs.done(operation, "the guest shut itself down")
        except GanetiError as error:
            _log.warning("That %s has shut itself down cannot be noted yet: %s", instance.name, error.message)
        finally:
            self._noting.discard(instance.uuid)

    def _configuration_changed(self, state: State, puts: Sequence[Entity], deletes: Sequence[Entity]) -> None:
        if any(entity.kind in (Kind.NODE, Kind.CLUSTER) for entity in (*puts, *deletes)):
            self._follow(state)

    def _follow(self, state: State) -> None:
        self._services.live.follow(state.hosting_nodes)
        self._services.replication.refresh()
        self._services.mandate.refresh(self._services.configuration.revision)

    async def _purge_jobs(self) -> None:
        """Delete old archived jobs, of which every candidate has a copy."""
        while True:
            try:
                if gone := await self._executor.queue.purge():
                    _log.info("%d archived jobs were removed", len(gone))
            except GanetiError as error:
                _log.warning("Archived jobs could not be removed: %s", error.message)
            await asyncio.sleep(_PURGE)
