# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of a node."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import NonNegative

_Port = Annotated[int, Meta(ge=1, le=65535)]


class NodeParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults as in gnt-cluster(8)."""

    oob_program: Annotated[str, param("Program that switches the node's power")] = ""
    spindle_count: Annotated[NonNegative, param("Number of disk spindles")] = 1
    exclusive_storage: Annotated[bool, param("Give each disk spindles of its own")] = False
    ovs: Annotated[bool, param("Set up Open vSwitch on the node")] = False
    ovs_name: Annotated[str | None, param("Name of the node's Open vSwitch")] = "switch1"
    ovs_link: Annotated[str | None, param("Network device that the switch is connected by")] = ""
    ssh_port: Annotated[_Port, param("Port of the node's ssh server")] = 22
    cpu_speed: Annotated[float, param("Speed of its processors, relative to the other nodes'")] = 1.0
