# SPDX-License-Identifier: BSD-2-Clause
"""Which address a console listens on when it is given a network device."""

from __future__ import annotations

import ipaddress
import socket
from functools import partial

from pyroute2 import AsyncIPRoute

from ganeti.node.hypervisor.kvm.plan import refused
from ganeti.node.network.netlink import with_netlink

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


async def spice_address(bind: str, ip_version: int) -> str:
    """``bind`` itself if it is an address or empty, else one of that device.

    Raises WrongInput if it has none.
    """
    if not bind:
        return ""
    try:
        return str(ipaddress.ip_address(bind))
    except ValueError:
        pass
    addresses = await with_netlink(partial(_addresses_of, name=bind))
    for family, address in addresses:
        if ip_version == 0 or family == _FAMILIES[ip_version]:
            return address
    raise refused("spice_bind", f"'{bind}' is neither an address nor a network device with one on this node")


async def _addresses_of(netlink: AsyncIPRoute, name: str) -> list[tuple[int, str]]:
    """(family, address) of each that a network device has."""
    return [
        (address["family"], str(address.get("address")))
        for device in await netlink.link_lookup(ifname=name)
        async for address in await netlink.get_addr(index=device)
    ]
