# SPDX-License-Identifier: BSD-2-Clause
"""How a network card is connected."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Struct

from ganeti.declare.parameter import param
from ganeti.declare.text import shortened
from ganeti.declare.types import Text, VlansOrNone
from ganeti.model.nic import COMMUNICATION_LINK

NicMode = Literal["bridged", "routed", "openvswitch"]


# What a card is connected to, by modes that need it.
NEEDED = {"bridged": "bridge", "openvswitch": "Open vSwitch"}
# Also without what programs that get it would take for an option.
_LINK = re.compile(r"[^\s/:\x00-\x1f\x7f-][^\s/:\x00-\x1f\x7f]*")
VLANS = "VLANs, not of mode routed: '.10' without tags, ':20:30' with, '.10:20' both"


class NicParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults as in gnt-cluster(8)."""

    mode: Annotated[NicMode, param("NIC mode: how it is connected to the node's network")] = "bridged"
    link: Annotated[Text, param("Bridge, Open vSwitch or routing table that it is connected to")] = "xen-br0"
    vlan: Annotated[VlansOrNone, param(VLANS)] = ""

    def problems(self) -> list[str]:
        found = []
        if self.mode in NEEDED and not self.link:
            found.append(f"mode '{self.mode}' needs a link, the name of the {NEEDED[self.mode]}")
        if self.link and not _LINK.fullmatch(self.link):
            found.append(f"link '{shortened(self.link)}' is not a name that a network device or routing table can have")
        if self.vlan and self.mode not in NEEDED:
            found.append(f"vlan '{self.vlan}' is for mode {' or '.join(map(repr, NEEDED))}, not for '{self.mode}'")
        if self.link == COMMUNICATION_LINK:
            found.append(f"link '{self.link}' is that of cards to the metadata daemon (gnt-instance modify -c yes)")
        return found


def vlans_of(text: str) -> tuple[int | None, tuple[int, ...]]:
    """The VLAN whose frames have no tag on a card, and those whose frames keep theirs (gnt-instance(8), "vlan")."""
    own, *others = text.split(":")
    return int(own.removeprefix(".")) if own else None, tuple(map(int, others))
