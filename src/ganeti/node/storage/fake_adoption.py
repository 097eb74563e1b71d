# SPDX-License-Identifier: BSD-2-Clause
"""Simulated volumes that become simulated disks."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ganeti.errors import UnknownEntity
from ganeti.model.disk import Disk, DiskTemplate, DiskUse
from ganeti.model.guest import Peer
from ganeti.node.storage.fake import FakeStorage
from ganeti.node.storage.fake_mirror import Copy, FakeMirror
from ganeti.rpc.contract.adoption import Offer


class FakeAdoption:
    """Converts plain and mirrored disks into each other, and adopts volumes that are not disks."""

    def __init__(self, plain: FakeStorage, mirror: FakeMirror) -> None:
        self._plain = plain
        self._mirror = mirror
        self._before: dict[str, int | Disk | Copy] = {}  # what the source was, by the disk's location

    async def offers(self, sources: Sequence[str], *, exclusive: bool = False) -> tuple[Offer, ...]:
        sizes = {at: disk.size for at, disk in self._plain.disks.items()} | self._plain.strays
        return tuple(
            self._offer(source, sizes[source], exclusive=exclusive)
            if source in sizes
            else Offer(0, source, f"There is no volume {source}")
            for source in sources
        )

    def _offer(self, source: str, size: int, *, exclusive: bool) -> Offer:
        if not exclusive:
            return Offer(size, source)
        return Offer(size, source, self._plain.sharing(source), len(self._plain.places(source)))

    async def adopt(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        del peers
        if disk.location in self._before and self._has(disk):
            return
        before = self._taken(source)
        self._before[disk.location] = before
        self._has_moved(source, disk.location)
        size = before if isinstance(before, int) else before.size
        if disk.template is DiskTemplate.PLAIN:
            self._plain.disks[disk.location] = replace(disk, size=size)
        else:
            self._mirror.copies[self._mirror.key(disk)] = Copy(replace(disk, size=size), size)

    async def give_back(self, disk: Disk, source: str, peers: Sequence[Peer]) -> None:
        if not self._has(disk):
            return
        if disk.template is not DiskTemplate.PLAIN:
            await self._mirror.hold(disk, peers, DiskUse.STANDBY)
            await self._mirror.release(disk, peers)
        self._plain.disks.pop(disk.location, None)
        self._mirror.copies.pop(self._mirror.key(disk), None)
        before = self._before.pop(disk.location)
        self._has_moved(disk.location, source)
        if isinstance(before, int):
            self._plain.strays[source] = before
        elif isinstance(before, Disk):
            self._plain.disks[source] = before
        else:
            self._mirror.copies[self._mirror.name, source] = before

    def _has_moved(self, old: str, new: str) -> None:
        """A renamed volume stays on its physical volumes."""
        if old in self._plain.placed:
            self._plain.placed[new] = self._plain.placed.pop(old)

    def _has(self, disk: Disk) -> bool:
        return disk.location in self._plain.disks or self._mirror.key(disk) in self._mirror.copies

    def _taken(self, source: str) -> int | Disk | Copy:
        """Remove and return the source. Raises UnknownEntity."""
        if source in self._plain.strays:
            return self._plain.strays.pop(source)
        if source in self._plain.disks:
            return self._plain.disks.pop(source)
        if copy := self._mirror.copies.pop((self._mirror.name, source), None):
            return copy
        raise UnknownEntity(f"There is no volume {source}")
