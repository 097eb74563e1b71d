# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of a node."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.setting import setting
from ganeti.declare.types import AbsolutePath, NetworkDevice, NonNegative, Parameters, Ratio

_Port = Annotated[int, Meta(ge=1, le=65535)]


def node_parameters(**more: Any) -> Meta:
    """The setting of the cluster, a group or a node that overrides node parameters."""
    return setting(
        "Node parameters",
        "--node-parameters",
        metavar="KEY=VALUE,...",
        completes="node parameter",
        given=Parameters,
        **more,
    )


class NodeParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults as in gnt-cluster(8)."""

    oob_program: Annotated[
        AbsolutePath, param("Out-of-band program, which switches the node's power", reaches="program")
    ] = ""
    spindle_count: Annotated[NonNegative, param("Number of disk spindles")] = 1
    exclusive_storage: Annotated[
        bool, param("Give each disk physical volumes of its own; set for the cluster or for node groups")
    ] = False
    ovs: Annotated[bool, param("Set up Open vSwitch on the node")] = False
    ovs_name: Annotated[NetworkDevice | None, param("Name of the node's Open vSwitch")] = "switch1"
    ovs_link: Annotated[
        NetworkDevice | None, param("Network device, without addresses, that connects it to the network; if any")
    ] = ""
    ssh_port: Annotated[_Port, param("SSH port of the node")] = 22
    cpu_speed: Annotated[Ratio, param("CPU speed, relative to the other nodes")] = 1.0

    def problems(self) -> list[str]:
        return ["ovs needs ovs_name, the name of the switch"] if self.ovs and not self.ovs_name else []
