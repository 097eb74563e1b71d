# SPDX-License-Identifier: BSD-2-Clause
"""Whether the instance policy allows an instance where it is, or will be."""

from __future__ import annotations

from typing import Annotated

from ganeti.declare.parameter import param
from ganeti.errors import WrongInput
from ganeti.model.group import AllocPolicy, Group
from ganeti.model.guest import backend_parameters
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.parameters.policy import Spec
from ganeti.model.state import State
from ganeti.model.template import TEMPLATES

IgnorePolicy = Annotated[bool, param("Ignore violations of the instance policy", "--ignore-ipolicy")]


def ensure_allowed(state: State, instance: Instance) -> None:
    """Raise WrongInput if the policy of its node's group forbids an instance."""
    ensure_allowed_in(state, instance, state.get(Group, state.get(Node, instance.primary_node).group))


def ensure_allowed_in(state: State, instance: Instance, group: Group) -> None:
    """Raise WrongInput if the policy of a group forbids an instance."""
    forbidden = violations(state, instance, group)
    if forbidden:
        raise WrongInput(f"{_told(group, forbidden)}; use --ignore-ipolicy to ignore it")


def ensure_allowed_somewhere(state: State, instance: Instance, group: Group | None) -> None:
    """Raise WrongInput if the policies of all possible groups forbid an instance; ``group``: the only possible one."""
    groups = [group] if group else [one for one in state.groups if one.alloc_policy is not AllocPolicy.UNALLOCABLE]
    forbidden = [(group, violations(state, instance, group)) for group in groups]
    if groups and all(reasons for _, reasons in forbidden):
        raise WrongInput("\n".join(_told(group, reasons) for group, reasons in forbidden))


def _told(group: Group, forbidden: list[str]) -> str:
    return f"The instance policy of group {group.name} forbids this: {'; '.join(forbidden)}"


def violations(state: State, instance: Instance, group: Group) -> list[str]:
    """Why a group's instance policy forbids an instance; empty if it doesn't.

    Where its disks have physical volumes of their own, the policy limits their number, if that is recorded.
    """
    backend = backend_parameters(state, instance)
    spindles = [disk.spindles for disk in instance.disks if disk.spindles is not None]
    exclusive = TEMPLATES[instance.disk_template].spindles == "own" and state.is_exclusive(group)
    counted = exclusive and len(spindles) == len(instance.disks)
    spec = Spec(
        cpu_count=backend.vcpus,
        disk_count=len(instance.disks),
        memory_size=backend.maxmem,
        nic_count=len(instance.nics),
        spindle_use=sum(spindles) if counted else backend.spindle_use,
    )
    sizes = tuple(disk.size for disk in instance.disks)
    return state.policy_of(group).violations(spec, sizes, instance.disk_template)
