# SPDX-License-Identifier: BSD-2-Clause
"""How a network card is connected."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.types import Text

NicMode = Literal["bridged", "routed", "openvswitch"]
UNSUPPORTED_MODES = ("routed", "openvswitch")


class NicParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults as in gnt-cluster(8)."""

    mode: Annotated[
        NicMode, param("NIC mode: how it is connected to the node's network", unsupported=UNSUPPORTED_MODES)
    ] = "bridged"
    link: Annotated[Text, param("Bridge, Open vSwitch or routing table that it is connected to")] = "xen-br0"
    vlan: Annotated[Text, param("VLAN tags: '.10' untagged, ':20:30' trunk", unsupported=True)] = ""

    def problems(self) -> list[str]:
        if self.mode == "bridged" and not self.link:
            return ["mode 'bridged' needs a link, the name of the bridge"]
        return []
