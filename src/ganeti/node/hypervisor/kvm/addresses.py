# SPDX-License-Identifier: BSD-2-Clause
"""The address on which a console listens if it is configured by network interface."""

from __future__ import annotations

import ipaddress
import socket
from functools import partial

from pyroute2 import AsyncIPRoute

from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.plan import refused
from ganeti.node.network.netlink import with_netlink

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


async def console_addresses(wanted: KvmParameters) -> dict[str, str]:
    """The addresses that ``vnc_bind_address`` and ``spice_bind``, if set, mean on this node, by these names.

    Raises WrongInput for a network interface that has no address here.
    """
    binds = {
        "vnc_bind_address": (wanted.vnc_bind_address, 0),
        "spice_bind": (wanted.spice_bind, wanted.spice_ip_version),
    }
    return {name: await _address(name, bind, version) for name, (bind, version) in binds.items() if bind}


async def _address(parameter: str, bind: str, ip_version: int) -> str:
    """``bind`` itself if it is an address or a directory, else one of that interface."""
    if bind.startswith("/"):
        return bind
    try:
        return str(ipaddress.ip_address(bind))
    except ValueError:
        pass
    addresses = await with_netlink(partial(_addresses_of, name=bind))
    for family, address in addresses:
        if ip_version == 0 or family == _FAMILIES[ip_version]:
            return address
    raise refused(parameter, f"'{bind}' is neither an address nor a network interface with one on this node")


async def _addresses_of(netlink: AsyncIPRoute, name: str) -> list[tuple[int, str]]:
    """(family, address) of each address of a network device."""
    return [
        (address["family"], str(address.get("address")))
        for device in await netlink.link_lookup(ifname=name)
        async for address in await netlink.get_addr(index=device)
    ]
