# SPDX-License-Identifier: BSD-2-Clause
"""What nodes report: of themselves when asked, and of their guests as things happen."""

from __future__ import annotations

from msgspec import Struct


class Memory(Struct, frozen=True):
    """MiB; ``node`` is what the node itself uses, without guests."""

    total: int
    free: int
    node: int


class Space(Struct, frozen=True):
    """MiB."""

    total: int
    free: int


class Processors(Struct, frozen=True):
    total: int
    sockets: int
    nodes: int  # NUMA
    of_node: int  # that guests do not use


class RunningGuest(Struct, frozen=True):
    """``state`` is the hypervisor's own word: running, paused, shutdown, inmigrate ..."""

    uuid: str
    name: str
    hypervisor: str
    state: str
    memory: int  # MiB
    vcpus: int
    seconds: float = 0.0  # of processor time used

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused", "blocked")


class NodeReport(Struct, frozen=True, kw_only=True):
    """``space`` by directory; ``hypervisor_versions`` by name; ``boot_id`` changes with each boot."""

    memory: Memory
    processors: Processors
    space: dict[str, Space]
    guests: tuple[RunningGuest, ...]
    hypervisor_versions: dict[str, str]
    boot_id: str
    time: float
    version: str


class GuestEvent(Struct, frozen=True):
    """``state``: as in RunningGuest, or "down" (asked to), "user-down" (by itself), "crashed".

    The first events of a watch describe what is; one with an empty ``uuid`` ends them.
    """

    uuid: str
    name: str = ""
    state: str = ""
    memory: int = 0  # MiB
    vcpus: int = 0
