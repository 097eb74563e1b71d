# SPDX-License-Identifier: BSD-2-Clause
"""A node group: nodes between which instances move freely."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from ganeti.model.entity import Entity
from ganeti.model.kind import Kind


class AllocPolicy(StrEnum):
    """Whether allocators place instances here."""

    PREFERRED = "preferred"
    LAST_RESORT = "last_resort"
    UNALLOCABLE = "unallocable"


class Group(Entity, frozen=True, kw_only=True):
    """The mappings override the cluster's parameters."""

    kind: ClassVar[Kind] = Kind.GROUP

    alloc_policy: AllocPolicy = AllocPolicy.PREFERRED
    ndparams: dict[str, Any] = {}
    diskparams: dict[str, dict[str, Any]] = {}
    ipolicy: dict[str, Any] = {}
    hv_state: dict[str, Any] = {}
    disk_state: dict[str, Any] = {}
