# SPDX-License-Identifier: BSD-2-Clause
"""What nodes report: of themselves when asked, and of their guests as things happen."""

from __future__ import annotations

from msgspec import Struct

from ganeti.model.guest_state import GuestState
from ganeti.model.template import StorageUnit


class Memory(Struct, frozen=True):
    """MiB; ``node`` is what the node itself uses, without guests."""

    total: int
    free: int
    node: int


class Space(Struct, frozen=True):
    """Of one unit of storage, MiB."""

    unit: StorageUnit
    total: int
    free: int


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
    """How a guest is from now on.

    The first events of a watch describe what is; one with an empty ``uuid`` ends them. It names in ``unknown`` the
    hypervisors whose guests could not be listed; when that changes there is another one.
    """

    uuid: str
    name: str = ""
    state: GuestState = GuestState.DOWN
    memory: int = 0  # MiB
    vcpus: int = 0
    reason: str = ""
    hypervisor: str = ""
    unknown: tuple[str, ...] = ()
