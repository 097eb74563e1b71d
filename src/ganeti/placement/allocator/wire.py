# SPDX-License-Identifier: BSD-2-Clause
"""The parts of an iallocator's input message, as they are spelled (Ganeti's iallocator documentation, version 2).

Only what placement needs; other parts of a message are ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ganeti.placement.allocator.request import EvacuationMode
from ganeti.placement.snapshot import AllocPolicy, Template

Size = int | float  # MiB


class WireSpec(Struct, frozen=True, rename="kebab"):
    memory_size: int
    cpu_count: int
    disk_size: int
    disk_count: int
    nic_count: int
    spindle_use: int


class WireBounds(Struct, frozen=True):
    min: WireSpec
    max: WireSpec


class WirePolicy(Struct, frozen=True, rename="kebab"):
    minmax: tuple[WireBounds, ...]
    std: WireSpec
    disk_templates: tuple[Template, ...]
    vcpu_ratio: float
    spindle_ratio: float


class WireGroup(Struct, frozen=True):
    name: str
    alloc_policy: AllocPolicy
    ipolicy: WirePolicy
    networks: tuple[str, ...]
    tags: tuple[str, ...]


class WireNodeParameters(Struct, frozen=True):
    exclusive_storage: bool
    spindle_count: int = 1
    cpu_speed: float = 1.0


class WireNode(Struct, frozen=True):
    """A node that can't have instances (now) has no sizes."""

    group: str
    offline: bool
    drained: bool
    ndparams: WireNodeParameters
    vm_capable: bool = True
    tags: tuple[str, ...] | None = None
    total_memory: Size | None = None
    reserved_memory: int | None = None
    free_memory: int | None = None
    total_disk: Size | None = None
    free_disk: int | None = None
    total_cpus: Size | None = None
    reserved_cpus: int | None = None
    free_spindles: int | None = None
    total_spindles: int | None = None


class WireDisk(Struct, frozen=True):
    size: int
    spindles: int | None = None


class WireNic(Struct, frozen=True):
    """Only their number and their networks matter."""

    network: str | None = None


class WireInstance(Struct, frozen=True):
    """Also the description of one to be created, then without nodes."""

    memory: int
    vcpus: int
    disk_template: Template
    disk_space_total: int
    disks: tuple[WireDisk, ...]
    nics: tuple[WireNic, ...]
    tags: tuple[str, ...]
    spindle_use: int
    admin_state: str = "up"
    nodes: tuple[str, ...] = ()
    hypervisor: str | None = None
    forthcoming: bool = False


class WireAllocate(WireInstance, frozen=True, kw_only=True):
    name: str
    required_nodes: int
    group_name: str | None = None
    restrict_to_nodes: tuple[str, ...] | None = msgspec.field(default=None, name="restrict-to-nodes")


class WireMultiAllocate(Struct, frozen=True):
    instances: tuple[WireAllocate, ...]


class WireAllocateSecondary(Struct, frozen=True):
    name: str


class WireRelocate(Struct, frozen=True):
    name: str
    required_nodes: int
    relocate_from: tuple[str, ...]


class WireChangeGroup(Struct, frozen=True):
    instances: tuple[str, ...]
    target_groups: tuple[str, ...] = ()


class WireEvacuate(Struct, frozen=True):
    instances: tuple[str, ...]
    evac_mode: EvacuationMode


class WireMessage(Struct, frozen=True):
    cluster_tags: tuple[str, ...]
    enabled_hypervisors: tuple[str, ...]
    nodegroups: dict[str, WireGroup]
    nodes: dict[str, WireNode]
    instances: dict[str, WireInstance]
    request: dict[str, Any]
    ipolicy: Any = None  # informational only, also in older forms


WIRE_REQUESTS: dict[str, Any] = {
    "allocate": WireAllocate,
    "multi-allocate": WireMultiAllocate,
    "allocate-secondary": WireAllocateSecondary,
    "relocate": WireRelocate,
    "change-group": WireChangeGroup,
    "node-evacuate": WireEvacuate,
}
