# SPDX-License-Identifier: BSD-2-Clause
"""The instances with which a cluster is filled, and shrinking them."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ganeti.model.parameters.policy import Policy, Spec
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.snapshot import NO_NODE, Instance, Template


class InstanceSpec(Struct, frozen=True, kw_only=True):
    """Memory and disk in MiB; ``spindles`` are physical ones, ``spindle_use`` is its weight on shared ones."""

    memory: int
    disk: int
    vcpus: int
    spindles: int
    template: Template
    spindle_use: int = 1

    @property
    def required_nodes(self) -> int:
        return 2 if self.template is Template.DRBD else 1

    def instance(self, name: str) -> Instance:
        """An instance of that size, on no node."""
        return Instance(
            name=name,
            memory=self.memory,
            disk=self.disk,
            vcpus=self.vcpus,
            primary=NO_NODE,
            template=self.template,
            spindle_use=self.spindle_use,
            spindles=self.spindles,
            disks=() if self.template is Template.DISKLESS else (self.disk,),
        )

    def steps(self, failure: Failure, policy: Policy) -> int:
        """How many times it can be shrunk to avoid a failure, within the policy."""
        if failure not in _UNITS:
            return 0
        field, unit = _UNITS[failure]
        smallest: int = min((getattr(bounds.min, _POLICY_FIELDS[field]) for bounds in policy.minmax), default=0)
        size: int = getattr(self, field)
        return max(0, (size - smallest) // unit)

    def smaller(self, failure: Failure, steps: int) -> InstanceSpec:
        field, unit = _UNITS[failure]
        return msgspec.structs.replace(self, **{field: getattr(self, field) - steps * unit})


_UNITS = {
    Failure.N1: ("memory", 64),
    Failure.MEMORY: ("memory", 64),
    Failure.DISK: ("disk", 256),
    Failure.CPU: ("vcpus", 1),
    Failure.SPINDLES: ("spindles", 1),
}
_POLICY_FIELDS = {"memory": "memory_size", "disk": "disk_size", "vcpus": "cpu_count", "spindles": "spindle_use"}


def spec_of(spec: Spec, template: Template) -> InstanceSpec:
    return InstanceSpec(
        memory=spec.memory_size,
        disk=spec.disk_size,
        vcpus=spec.cpu_count,
        spindles=spec.spindle_use,
        template=template,
    )
