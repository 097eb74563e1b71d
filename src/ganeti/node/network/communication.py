# SPDX-License-Identifier: BSD-2-Clause
"""Network cards that lead to the metadata daemon of the node, and nowhere else.

Each guest has a tap of its own with the daemon's address, and a route for its own address, as Ganeti's OS installation
redesign has it ("Communication mechanism"). Who is asked by a guest knows it by the tap, whatever it says it is.
"""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from ipaddress import IPv4Network, ip_address

from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput
from ganeti.host.process import run
from ganeti.model.guest import GuestNic
from ganeti.model.nic import COMMUNICATION_ADDRESS, COMMUNICATION_SUBNET
from ganeti.node.network import tap
from ganeti.node.network.netlink import LINK_SCOPE, with_netlink

_HOST = 32  # bits of a prefix: one address
_TIME = 30.0  # seconds for nft

# What guests can reach on the node, by all of these taps: the daemon's HTTP and DHCP. nft(8); the first line makes the
# table if there is none, so that the second can be carried out.
_NO_RULES = """\
table inet ganeti_communication
delete table inet ganeti_communication
"""
_RULES = f"""\
{_NO_RULES}table inet ganeti_communication {{
    chain input {{
        type filter hook input priority -150; policy accept;
        iifname "{tap.COMMUNICATION_PREFIX}*" ip daddr {COMMUNICATION_ADDRESS} tcp dport 80 accept
        iifname "{tap.COMMUNICATION_PREFIX}*" udp dport 67 accept
        iifname "{tap.COMMUNICATION_PREFIX}*" drop
    }}
    chain forward {{
        type filter hook forward priority -150; policy accept;
        iifname "{tap.COMMUNICATION_PREFIX}*" drop
        oifname "{tap.COMMUNICATION_PREFIX}*" drop
    }}
}}
"""
# Settings of one tap (Documentation/networking/ip-sysctl.rst): nothing passes through the node even if somebody takes
# the rules away; a guest sends with its own address alone, and is told of no other address of the node.
_SETTINGS = {
    "ipv4": {"forwarding": 0, "rp_filter": 1, "arp_ignore": 1, "accept_redirects": 0, "send_redirects": 0},
    "ipv6": {"disable_ipv6": 1},
}


class Communication:
    """There are rules as long as there are taps; nobody looks for those while another one is given them."""

    exclusive = False

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def check(self, nic: GuestNic) -> None:
        if not nic.ip:
            raise WrongInput("Parameter 'ip': a network card to the metadata daemon needs an address; use 'ip=pool'")
        if ip_address(nic.ip) not in IPv4Network(COMMUNICATION_SUBNET) or nic.ip == COMMUNICATION_ADDRESS:
            raise WrongInput(
                f"Parameter 'ip': {nic.ip} cannot be the address of a network card to the metadata daemon; it must be "
                f"one of {COMMUNICATION_SUBNET} other than {COMMUNICATION_ADDRESS}"
            )
        if not shutil.which("nft"):
            raise EnvironmentUnfit("The program 'nft', which keeps guests apart, is not installed on this node")

    async def attach(self, nic: GuestNic) -> None:
        async with self._turn:
            await _separate()
        tap.tune(tap.name_of(nic), _SETTINGS)
        await with_netlink(partial(_address, nic=nic))

    async def detach(self, nic: GuestNic) -> None:
        """A tap that goes takes its address and its route with it; the last one the rules."""
        del nic
        async with self._turn:
            if not await with_netlink(_taps) and shutil.which("nft"):
                await run("nft", "-f", "-", standard_input=_NO_RULES.encode(), timeout=_TIME)


async def _taps(netlink: AsyncIPRoute) -> list[str]:
    """The names of all that lead to the daemon."""
    names = [str(link.get("ifname")) async for link in await netlink.get_links()]
    return [name for name in names if name.startswith(tap.COMMUNICATION_PREFIX)]


async def _separate() -> None:
    """Raise EnvironmentUnfit if the kernel does not take the rules: without them there is no such card."""
    try:
        done = await run("nft", "-f", "-", standard_input=_RULES.encode(), timeout=_TIME)
    except ExecutionFailed as error:
        raise EnvironmentUnfit(f"Guests cannot be kept apart on this node: {error.message}") from None
    if done.failed:
        raise EnvironmentUnfit(f"Guests cannot be kept apart on this node: {done.why()}")


async def _address(netlink: AsyncIPRoute, nic: GuestNic) -> None:
    # Its address is the same on each node, so that a guest which is migrated finds the one that it knows.
    device = await tap.bring_up(netlink, nic)
    await netlink.addr("replace", index=device, address=COMMUNICATION_ADDRESS, prefixlen=_HOST, scope=LINK_SCOPE)
    await netlink.route(
        "replace",
        dst=f"{nic.ip}/{_HOST}",
        oif=device,
        scope=LINK_SCOPE,
        prefsrc=COMMUNICATION_ADDRESS,
    )
