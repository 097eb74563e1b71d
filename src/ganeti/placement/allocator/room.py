# SPDX-License-Identifier: BSD-2-Clause
"""What is left on each node while instances are tentatively placed, and placing many of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganeti.placement.demand import Floats
from ganeti.placement.snapshot import Instance, Template

Mask = NDArray[np.bool_]

_MADE_ANEW = (Template.PLAIN, Template.FILE, Template.BLOCKDEV)  # disks that are lost with their node


class Room(NamedTuple):
    """MiB by node. An excluded node has memory of minus infinity.

    Nothing with disks may migrate to a ``barred`` one.
    """

    memory: Floats
    disk: Floats
    barred: Mask

    def copy(self) -> Room:
        return Room(self.memory.copy(), self.disk.copy(), self.barred)

    def fits(self, instance: Instance) -> Mask:
        """The nodes that could be its primary."""
        fits = self.memory > needed_memory(instance)
        if instance.template is not Template.DISKLESS:
            fits &= ~self.barred
        return fits & self.fits_disk(instance) if takes_disk(instance) else fits

    def fits_disk(self, instance: Instance) -> Mask:
        if not takes_disk(instance):
            return np.ones(len(self.memory), dtype=bool)
        return self.disk > instance.disk

    def take(self, node: int, instance: Instance) -> None:
        self.take_memory(node, instance)
        self.take_disk(node, instance)

    def take_memory(self, node: int, instance: Instance) -> None:
        self.memory[node] -= needed_memory(instance)

    def take_disk(self, node: int, instance: Instance) -> None:
        if takes_disk(instance):
            self.disk[node] -= instance.disk


def needed_memory(instance: Instance) -> int:
    """MiB that it needs when it moves to another node. One whose disks are re-created there is started, too."""
    return instance.memory if instance.status.holds_memory or instance.template in _MADE_ANEW else 0


def takes_disk(instance: Instance) -> bool:
    """Whether nodes need space for its disks; files may share a file system with anything."""
    return instance.takes_disk and instance.template.in_volume_group


def housed(room: Room, instances: Sequence[Instance]) -> Room | None:
    """What is left when all instances are placed; None if no way was found."""
    for order, tightest in _attempts(instances):
        left = _housed_in_order(room.copy(), order, tightest=tightest)
        if left is not None:
            return left
    return None


def _attempts(instances: Sequence[Instance]) -> Iterator[tuple[Sequence[Instance], bool]]:
    """First evenly, which leaves most room everywhere; then filling the fullest node that has room."""
    by_memory = sorted(instances, key=lambda instance: (-instance.memory, -instance.disk))
    yield by_memory, False
    yield by_memory, True
    by_disk = sorted(instances, key=lambda instance: (-instance.disk, -instance.memory))
    if by_disk != by_memory:
        yield by_disk, True
    yield list(reversed(instances)), True


def _housed_in_order(room: Room, instances: Iterable[Instance], *, tightest: bool) -> Room | None:
    for instance in instances:
        fits = room.fits(instance)
        if not fits.any():
            return None
        memory = np.where(fits, room.memory, np.inf if tightest else -np.inf)
        room.take(int(np.argmin(memory) if tightest else np.argmax(memory)), instance)
    return room
