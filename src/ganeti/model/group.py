# SPDX-License-Identifier: BSD-2-Clause
"""A node group: nodes between which instances move freely."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from ganeti.declare.setting import setting
from ganeti.declare.types import Parameters, ParametersByKind, form
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.parameters.node import node_parameters


class AllocPolicy(StrEnum):
    """Whether allocators place instances here."""

    PREFERRED = "preferred"
    LAST_RESORT = "last_resort"
    UNALLOCABLE = "unallocable"


class Group(Entity, frozen=True, kw_only=True):
    """The mappings override the cluster's parameters. A field with a ``setting`` is a column of lists.

    ``networks``: NIC parameters of the connected networks, by UUID.
    """

    kind: ClassVar[Kind] = Kind.GROUP

    alloc_policy: Annotated[
        AllocPolicy,
        setting(
            "Allocation policy: whether allocators place instances here",
            "--alloc-policy",
            column="AllocPolicy",
        ),
    ] = AllocPolicy.PREFERRED
    cpu_model: Annotated[
        str,
        form(r"|[A-Za-z0-9][\w.-]*", "the name of a CPU model, 'auto' or 'default'"),
        setting(
            "CPU model of guests whose cpu_type is 'group': a name, 'auto' for the most that its nodes share, "
            "'default' for none",
            "--cpu-model",
            column="CPUModel",
            when=("modify",),
        ),
    ] = ""
    ndparams: Annotated[dict[str, Any], node_parameters(column="NDParams", inherits=True)] = {}
    diskparams: Annotated[
        dict[str, dict[str, Any]],
        setting("Disk parameters", column="DiskParameters", inherits=True, given=ParametersByKind),
    ] = {}
    ipolicy: Annotated[
        dict[str, Any],
        setting("Instance policy", column="InstancePolicy", inherits=True, given=Parameters),
    ] = {}
    hv_state: dict[str, Any] = {}
    disk_state: dict[str, Any] = {}
    networks: dict[str, dict[str, Any]] = {}
