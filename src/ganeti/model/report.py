# SPDX-License-Identifier: BSD-2-Clause
"""What nodes report: about themselves when asked, about their guests as things happen."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ganeti.model.guest_state import GuestState
from ganeti.model.template import StorageUnit

POOL_FULL = 95.0  # percent of a thin pool's data or metadata space from which nothing new is created in it
_ALIKE = 1.01  # times the smallest physical volume ("Partitioned Ganeti")


class Memory(Struct, frozen=True):
    """MiB; ``node`` is what the node itself uses, without guests."""

    total: int
    free: int
    node: int


class Spindles(Struct, frozen=True):
    """The physical volumes of a unit; ``free`` are the empty ones.

    Sizes of one, in MiB: ``usable`` is what a disk that has it to itself can use of it; ``smallest``, ``largest``.
    """

    total: int
    free: int
    usable: int
    smallest: int
    largest: int


class PoolUse(Struct, frozen=True):
    """How far a thin pool is filled, in percent, and the sizes of all volumes in it, MiB."""

    data: float
    metadata: float
    promised: int

    @property
    def most(self) -> float:
        """The higher of data and metadata: when either is full, nothing can be written any more."""
        return max(self.data, self.metadata)

    @property
    def full(self) -> bool:
        """Whether nothing new is created in it, so that existing disks have what is left."""
        return self.most >= POOL_FULL


class Space(Struct, frozen=True):
    """Of one unit of storage, MiB. ``spindles`` are known of volume groups, ``pool`` of thin pools."""

    unit: StorageUnit
    total: int
    free: int
    spindles: Spindles | None = None
    pool: PoolUse | None = None

    @property
    def exclusive(self) -> Space:
        """The space if each disk has physical volumes of its own: the rest of a used one is not available to others."""
        if not (found := self.spindles):
            return self
        return Space(self.unit, found.total * found.smallest, found.free * found.smallest, found)


def unequal(found: Iterable[Spindles]) -> str:
    """How much physical volumes differ in size, as text; empty if within what exclusive storage allows."""
    known = [one for one in found if one.total]
    least, most = (min(one.smallest for one in known), max(one.largest for one in known)) if known else (0, 0)
    return f"from {least} MiB to {most} MiB" if most > least * _ALIKE else ""


class Processors(Struct, frozen=True):
    total: int
    sockets: int
    nodes: int  # NUMA
    of_node: int  # that guests do not use


class RunningGuest(Struct, frozen=True):
    """``reason`` says why it is in this state, where the hypervisor knows."""

    uuid: str
    name: str
    hypervisor: str
    state: GuestState
    memory: int  # MiB
    vcpus: int
    seconds: float = 0.0  # of processor time used
    reason: str = ""


class NodeReport(Struct, frozen=True, kw_only=True):
    """``storage`` as it was asked for; ``hypervisor_versions`` by name; ``boot_id`` changes with each boot.

    ``unknown``: the hypervisors of whose guests nothing is known, and why.
    """

    memory: Memory
    processors: Processors
    storage: tuple[Space, ...]
    guests: tuple[RunningGuest, ...]
    hypervisor_versions: dict[str, str]
    boot_id: str
    time: float
    version: str
    unknown: dict[str, str] = {}


class GuestEvent(Struct, frozen=True):
    """The new state of a guest.

    The first events of a watch describe the present; one with an empty ``uuid`` ends them. It names in ``unknown`` the
    hypervisors whose guests could not be listed; when that changes, another one follows.
    """

    uuid: str
    name: str = ""
    state: GuestState = GuestState.DOWN
    memory: int = 0  # MiB
    vcpus: int = 0
    reason: str = ""
    hypervisor: str = ""
    unknown: tuple[str, ...] = ()
