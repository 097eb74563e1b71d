# SPDX-License-Identifier: BSD-2-Clause
"""A node: a physical machine of the cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from ganeti.declare.setting import setting
from ganeti.declare.types import IpAddress, Parameters
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind
from ganeti.model.parameters.node import node_parameters


class NodeRole(StrEnum):
    """The values are the letters of ``gnt-node list -o role``."""

    MASTER = "M"
    CANDIDATE = "C"
    REGULAR = "R"
    DRAINED = "D"
    OFFLINE = "O"


class Node(Entity, frozen=True, kw_only=True):
    """``primary_ip`` carries node calls.

    ``certificate``: the fingerprint of its certificate (SHA-256, hex); empty until it is known. ``next_certificate``:
    that of the new one, while certificates are renewed. ``ssh_host_keys``: each a type and a key. A field with a
    ``setting`` is a parameter of ``gnt-node add`` and ``modify``, a line of ``info`` and a column of lists.
    """

    kind: ClassVar[Kind] = Kind.NODE

    primary_ip: str
    group: str  # UUID
    certificate: str = ""
    next_certificate: str = ""
    ssh_host_keys: tuple[str, ...] = ()
    secondary_ip: Annotated[
        str,
        setting(
            "Secondary address, for replication and migration traffic",
            "-s",
            "--secondary-ip",
            metavar="ADDRESS",
            title="secondary ip",
            shown_as="sip",
            given=IpAddress,
        ),
    ] = ""
    master_candidate: Annotated[
        bool,
        setting(
            "Whether the node is a master candidate",
            "-C",
            "--master-candidate",
            title="master candidate",
            column="MasterC",
            when=("modify",),
        ),
    ] = False
    drained: Annotated[
        bool,
        setting(
            "Whether the node is drained: gets no new instances",
            "-D",
            "--drained",
            title="drained",
            column="Drained",
            when=("modify",),
        ),
    ] = False
    offline: Annotated[
        bool,
        setting(
            "Whether the node is offline: known to be down, and not contacted",
            "-O",
            "--offline",
            title="offline",
            column="Offline",
            when=("modify",),
        ),
    ] = False
    master_capable: Annotated[
        bool,
        setting(
            "Whether the node may become master candidate and master",
            "--master-capable",
            title="master_capable",
            column="MasterCapable",
        ),
    ] = True
    vm_capable: Annotated[
        bool,
        setting(
            "Whether the node may run instances",
            "--vm-capable",
            title="vm_capable",
            column="VMCapable",
        ),
    ] = True
    powered: Annotated[
        bool,
        setting(
            "Whether the node is recorded as powered on",
            "--node-powered",
            title="powered",
            column="Powered",
            when=("modify",),
        ),
    ] = True
    ndparams: Annotated[dict[str, Any], node_parameters(column="NodeParameters", inherits=True)] = {}
    hv_state: Annotated[
        dict[str, Any], setting("State of the node's hypervisors", column="HypervisorState", given=Parameters)
    ] = {}
    disk_state: Annotated[
        dict[str, Any], setting("State of the node's storage", column="DiskState", given=Parameters)
    ] = {}

    def problems(self) -> list[str]:
        """Which of its settings contradict each other."""
        if self.master_candidate and not self.master_capable:
            return [f"Node {self.name} is not master capable, so it cannot be a master candidate"]
        return []

    @property
    def certificates(self) -> tuple[str, ...]:
        """The fingerprints of the certificates that it may present; empty while none is recorded."""
        return tuple(one for one in (self.certificate, self.next_certificate) if one)

    @property
    def migration_ip(self) -> str:
        return self.secondary_ip or self.primary_ip

    @property
    def hosting(self) -> bool:
        """Whether it may have guests and is expected to answer queries about them."""
        return self.vm_capable and not self.offline

    @property
    def usable(self) -> bool:
        """Whether new instances may be placed here."""
        return not self.obstacle

    @property
    def obstacle(self) -> str:
        """Why no new instance may be placed here, in a word; empty if it may."""
        return "offline" if self.offline else "drained" if self.drained else "" if self.vm_capable else "not vm_capable"
