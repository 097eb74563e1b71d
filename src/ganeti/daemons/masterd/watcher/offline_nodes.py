# SPDX-License-Identifier: BSD-2-Clause
"""Guests that still run on nodes that are marked offline but answer (``maintain_node_health``)."""

from __future__ import annotations

import asyncio
import logging

from ganeti.errors import GanetiError
from ganeti.jobs.context import Services
from ganeti.jobs.lockset import shared
from ganeti.model.guest import Guest
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.operations.instance.activation import about_disks, is_mirrored
from ganeti.rpc.contract.instance import ClearGuest, RecallGuests, StopGuest
from ganeti.rpc.contract.storage import ReleaseDisks

_log = logging.getLogger(__name__)

_OWNER = "masterd"


class OfflineNodes:
    """Such nodes are no longer monitored, so nothing may run there that may be started elsewhere."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def look_after(self) -> None:
        """All concurrently; most are dead, and do not answer."""
        state = self._services.configuration.state
        if not state.cluster.maintain_node_health:
            return
        busy = self._services.locks.wanted_exclusively(Kind.NODE)
        await asyncio.gather(
            *(self._look_after(node) for node in state.nodes if node.offline and node.name not in busy)
        )

    async def _look_after(self, node: Node) -> None:
        # It must not be set online meanwhile.
        async with self._services.locks.holding(_OWNER, shared(Kind.NODE, node.name)):
            state = self._services.configuration.state
            current = state.entities[Kind.NODE].get(node.uuid)
            if not isinstance(current, Node) or not current.offline:
                return
            try:
                hypervisors = state.cluster.enabled_hypervisors
                guests = await self._services.nodes.call(current, RecallGuests(hypervisors=hypervisors))
            except GanetiError:
                return  # as expected
            await asyncio.gather(*(self._stop(current, guest) for guest in guests))
            await self._release(current)

    async def _stop(self, node: Node, guest: Guest) -> None:
        """Kill it if its primary node is another one, where it may be using the same disks; otherwise shut it down."""
        instance = self._services.configuration.state.entities[Kind.INSTANCE].get(guest.uuid)
        here = isinstance(instance, Instance) and instance.primary_node == node.uuid
        _log.warning("Instance %s is shut down on %s, which is marked offline", guest.name, node.name)
        try:
            await self._services.nodes.call(node, StopGuest(guest=guest, force=not here))
            await self._services.nodes.call(node, ClearGuest(guest=guest))
        except GanetiError as error:
            _log.warning("Instance %s could not be shut down on %s: %s", guest.name, node.name, error.message)

    async def _release(self, node: Node) -> None:
        """Release mirrored disks: this node's copies are outdated as soon as the instance runs elsewhere."""
        state = self._services.configuration.state
        mirrored = [one for one in state.instances_on(node.uuid) if is_mirrored(one) and not one.forthcoming]
        for instance in mirrored:
            try:
                await self._services.nodes.call(node, about_disks(ReleaseDisks, state, instance))
            except GanetiError as error:
                _log.warning("The disks of %s stay active on %s: %s", instance.name, node.name, error.message)
