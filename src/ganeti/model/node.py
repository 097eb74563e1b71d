# SPDX-License-Identifier: BSD-2-Clause
"""A node: a physical machine of the cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from ganeti.model.entity import Entity
from ganeti.model.kind import Kind


class NodeRole(StrEnum):
    """By the letters of ``gnt-node list -o role``."""

    MASTER = "M"
    CANDIDATE = "C"
    REGULAR = "R"
    DRAINED = "D"
    OFFLINE = "O"


class Node(Entity, frozen=True, kw_only=True):
    """``primary_ip`` carries node calls, ``secondary_ip`` disk and migration traffic.

    ``certificate``: the fingerprint of its certificate (SHA-256, hex); empty until it is known.
    """

    kind: ClassVar[Kind] = Kind.NODE

    primary_ip: str
    group: str  # UUID
    secondary_ip: str = ""
    offline: bool = False
    drained: bool = False
    master_candidate: bool = False
    master_capable: bool = True
    vm_capable: bool = True
    powered: bool = True
    ndparams: dict[str, Any] = {}
    hv_state: dict[str, Any] = {}
    disk_state: dict[str, Any] = {}
    certificate: str = ""

    @property
    def migration_ip(self) -> str:
        return self.secondary_ip or self.primary_ip

    @property
    def hosting(self) -> bool:
        """Whether it may have guests and is expected to answer when it is asked about them."""
        return self.vm_capable and not self.offline

    @property
    def usable(self) -> bool:
        """Whether new instances may come here."""
        return self.hosting and not self.drained
