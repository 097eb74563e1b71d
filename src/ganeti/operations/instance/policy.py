# SPDX-License-Identifier: BSD-2-Clause
"""Whether an instance is allowed where it is, or is to be."""

from __future__ import annotations

from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.parameters import filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.policy import Spec
from ganeti.model.state import State


def violations(state: State, instance: Instance, group: Group) -> list[str]:
    """Why a group's instance policy forbids an instance; empty if it doesn't."""
    backend = filled(BackendParameters, state.cluster.beparams, instance.beparams)
    spec = Spec(
        cpu_count=backend.vcpus,
        disk_count=len(instance.disks),
        memory_size=backend.maxmem,
        nic_count=len(instance.nics),
        spindle_use=backend.spindle_use,
    )
    sizes = tuple(disk.size for disk in instance.disks)
    return state.policy_of(group).violations(spec, sizes, instance.disk_template)
