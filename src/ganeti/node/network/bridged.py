# SPDX-License-Identifier: BSD-2-Clause
"""NICs connected to a bridge of the node."""

from __future__ import annotations

from functools import partial

from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit, WrongInput
from ganeti.model.guest import GuestNic
from ganeti.node.network import tap
from ganeti.node.network.driver import ensure_linked
from ganeti.node.network.netlink import with_netlink


class Bridged:
    exclusive = False

    async def check(self, nic: GuestNic) -> None:
        ensure_linked(nic)
        if nic.vlan:
            raise WrongInput("Parameter 'vlan': a bridge has no VLANs here; use mode 'openvswitch'")
        await with_netlink(partial(_bridge, name=nic.link))

    async def attach(self, nic: GuestNic) -> None:
        await with_netlink(partial(_attach, nic=nic))

    async def detach(self, nic: GuestNic) -> None:
        """A tap that goes leaves its bridge."""


async def _attach(netlink: AsyncIPRoute, nic: GuestNic) -> None:
    bridge, mtu = await _bridge(netlink, nic.link)
    await tap.bring_up(netlink, nic, mtu=mtu, master=bridge)


async def _bridge(netlink: AsyncIPRoute, name: str) -> tuple[int, int]:
    """(interface index, MTU). Raises EnvironmentUnfit if there is no such bridge."""
    found = await netlink.link_lookup(ifname=name)
    if not found:
        raise EnvironmentUnfit(f"There is no bridge '{name}' on this node; make it, or choose another with 'link'")
    async for link in await netlink.get_links(found[0]):
        information = link.get("linkinfo")
        if information and information.get("kind") == "bridge":
            return link["index"], link.get("mtu")
    raise EnvironmentUnfit(f"The network device '{name}' on this node is not a bridge")
