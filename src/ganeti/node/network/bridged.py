# SPDX-License-Identifier: BSD-2-Clause
"""NICs connected to a bridge of the node, with their VLANs if it keeps some apart (bridge(8), "vlan")."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit
from ganeti.model.guest import GuestNic
from ganeti.model.parameters.network import vlans_of
from ganeti.node.network import tap
from ganeti.node.network.driver import ensure_linked
from ganeti.node.network.netlink import with_netlink

_ALL = "1-4094"


class Bridged:
    exclusive = False

    async def check(self, nic: GuestNic) -> None:
        ensure_linked(nic)
        await with_netlink(partial(_bridge, nic=nic))

    async def attach(self, nic: GuestNic) -> None:
        await with_netlink(partial(_attach, nic=nic))

    async def detach(self, nic: GuestNic) -> None:
        """A tap that goes leaves its bridge, and its VLANs go with it."""


@dataclass(frozen=True, slots=True)
class _Bridge:
    """``standard``: the VLAN of ports that nobody has given any; None of a kernel that knows no VLANs of bridges."""

    index: int
    mtu: int
    standard: int | None


async def _attach(netlink: AsyncIPRoute, nic: GuestNic) -> None:
    """The card is up only when it has its VLANs: a new port begins with the standard one."""
    bridge = await _bridge(netlink, nic)
    device = await tap.prepared(netlink, nic, mtu=bridge.mtu, master=bridge.index)
    if bridge.standard is not None:
        await _put_into(netlink, device, nic.vlan or (f".{bridge.standard}" if bridge.standard else ""))
    await netlink.link("set", index=device, state="up")


async def _put_into(netlink: AsyncIPRoute, device: int, vlan: str) -> None:
    """VLANs of a port, instead of those that it has."""
    own, others = vlans_of(vlan)
    await netlink.vlan_filter("del", index=device, vlan_info={"vid": _ALL})
    if own is not None:
        await netlink.vlan_filter("add", index=device, vlan_info={"vid": own, "pvid": True})
    for number in others:
        await netlink.vlan_filter("add", index=device, vlan_info={"vid": number, "flags": 0})


async def _bridge(netlink: AsyncIPRoute, nic: GuestNic) -> _Bridge:
    """What a card is to be connected to. Raises EnvironmentUnfit if this node has none that can."""
    found = await netlink.link_lookup(ifname=nic.link)
    if not found:
        raise EnvironmentUnfit(f"There is no bridge '{nic.link}' on this node; make it, or choose another with 'link'")
    async for link in await netlink.get_links(found[0]):
        information = link.get("linkinfo")
        if information and information.get("kind") == "bridge":
            data = information.get("data")
            if nic.vlan and not data.get("br_vlan_filtering"):
                raise EnvironmentUnfit(
                    f"Bridge '{nic.link}' on this node keeps no VLANs apart, as 'vlan' of a network card needs: set "
                    f"its vlan_filtering ('ip link set {nic.link} type bridge vlan_filtering 1', and where it is "
                    "configured), or choose another with 'link'"
                )
            return _Bridge(link["index"], link.get("mtu"), data.get("br_vlan_default_pvid"))
    raise EnvironmentUnfit(f"The network device '{nic.link}' on this node is not a bridge")
