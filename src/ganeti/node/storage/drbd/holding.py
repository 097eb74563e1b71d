# SPDX-License-Identifier: BSD-2-Clause
"""Bringing a disk from any state in DRBD to that of a use."""

from __future__ import annotations

import asyncio

from ganeti.errors import ExecutionFailed, UnknownEntity, WrongState
from ganeti.model.disk import DiskUse
from ganeti.node.storage.drbd.commands import Drbd
from ganeti.node.storage.drbd.replica import Replica
from ganeti.node.storage.drbd.status import Resource

# Seconds for the two nodes to connect. After a failed attempt a node tries again after ten.
CONNECTING = 15
# udev inspects a device that was just closed, and has it open for a moment.
_ATTEMPTS = 20
_PAUSE = 0.5  # seconds


class Holding:
    """For one disk."""

    def __init__(self, drbd: Drbd, replica: Replica) -> None:
        self._drbd = drbd
        self._replica = replica

    async def take(self, use: DiskUse, *, force: bool) -> None:
        """Raises what ``Storage.hold`` raises."""
        found = await self._attached()
        if use is DiskUse.STANDBY:
            if found.primary:
                await self._demote()
            await self._join(found, two_primaries=False)
        else:
            await self._join(found, two_primaries=use is DiskUse.SHARED)
            await self._use(use, force=force)

    async def _demote(self) -> None:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._drbd.demote(self._replica)
            except WrongState:
                await asyncio.sleep(_PAUSE)
        return await self._drbd.demote(self._replica)

    async def look(self) -> Resource | None:
        """The resource in DRBD. Raises WrongState if another disk uses its device."""
        replica, resources = self._replica, await self._drbd.resources()
        for other in resources.values():
            if other.minor == replica.minor and other.name != replica.resource:
                raise WrongState(
                    f"{replica.disk.called} cannot have {replica.device}: disk {other.name} has it. If that is a "
                    f"disk of no instance any more, 'drbdsetup down {other.name}' frees it"
                )
        return resources.get(replica.resource)

    async def there(self) -> Resource:
        """Raises UnknownEntity if it is not held."""
        if found := await self.look():
            return found
        raise UnknownEntity(f"{self._replica.disk.called} is not active on {self._replica.here.name}")

    async def _attached(self) -> Resource:
        found = await self.look()
        if found is None:
            await self._drbd.add_resource(self._replica)
        if found is None or found.minor is None:
            await self._drbd.add_device(self._replica)
        if found is None or not found.attached:
            await self._drbd.attach(self._replica)
            found = await self.there()
        return found

    async def _join(self, found: Resource, *, two_primaries: bool) -> None:
        """Have it connected, or connecting, with these options."""
        replica, current = self._replica, await self._drbd.connection(self._replica)
        owned = found.peer_role == "Primary" and not found.primary and not (current and current.two_primaries)
        if two_primaries and owned:
            # The other node would follow: the one that uses the disk must allow it first.
            raise WrongState(f"Disk {found.name} is used on its other node, {replica.there.name}")
        elsewhere = current is not None and current.ends != replica.ends
        if current and elsewhere:
            await self._drbd.disconnect(replica, current.ends)
        if elsewhere or found.refused:
            await self._drbd.connect(replica, two_primaries=two_primaries)
        elif current and current.two_primaries != two_primaries:
            await self._drbd.allow_two_primaries(replica, allowed=two_primaries)

    async def _use(self, use: DiskUse, *, force: bool) -> None:
        found = await self._met(use)
        if found.refused and not force:
            raise WrongState(self._apart())
        if use is DiskUse.SHARED and not found.connected:
            raise WrongState(
                f"Disk {found.name} is not connected to its copy on {self._replica.there.name}, so only one node can "
                "use it"
            )
        if found.primary:
            return
        # By itself DRBD refuses writes while the other copy might be newer. One that was up to date when the
        # connection was lost is the newest available.
        alone = not found.connected and found.up_to_date
        if not found.connected and not alone and not force:
            raise WrongState(self._doubtful(found))
        try:
            await self._drbd.promote(self._replica, force=force or alone)
        except (WrongState, ExecutionFailed):
            if use is DiskUse.SHARED:
                await self._drbd.allow_two_primaries(self._replica, allowed=False)
            raise

    async def _met(self, use: DiskUse) -> Resource:
        """Its status after the other node has had time to connect, if that matters."""
        found = await self.there()
        used = found.primary and use is not DiskUse.SHARED
        if used or found.connected or found.refused or self._replica.there.offline:
            return found
        await self._drbd.await_connection(self._replica, CONNECTING)
        return await self.there()

    def _doubtful(self, found: Resource) -> str:
        here, there = self._replica.here.name, self._replica.there.name
        return (
            f"The copy of disk {found.name} on {here} is not up to date, or not known to be ({found.disk}), and the "
            f"one on {there} cannot be reached. Bring {there} back; if its copy is lost, --ignore-consistency uses the "
            f"one on {here}, and what only {there} had is lost"
        )

    def _apart(self) -> str:
        """The error for split brain: only the administrator can decide which copy is the right one."""
        replica, here, there = self._replica, self._replica.here.name, self._replica.there.name
        return (
            f"The copies of {replica.disk.called} on {here} and {there} refuse each other (StandAlone). If both "
            "have been written to while they were apart (a split brain; 'dmesg' says so, and 'gnt-cluster verify' how "
            "much each has changed since), decide which one is to go: "
            f"'drbdsetup invalidate {replica.minor}' on {here}, or 'drbdsetup invalidate {replica.minor_there}' on "
            f"{there}, has it rebuilt from the other one when the disk is activated again"
        )
