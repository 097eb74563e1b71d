# SPDX-License-Identifier: BSD-2-Clause
"""Network cards whose node is their router: a route to the guest's address, and answers in place of its neighbours.

As Ganeti's documentation has it ("Instance Network Configuration", mode routed).
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from pathlib import Path

from pyroute2 import AsyncIPRoute

from ganeti.errors import EnvironmentUnfit, WrongInput
from ganeti.model.guest import GuestNic
from ganeti.node.network import tap
from ganeti.node.network.netlink import LINK_SCOPE, with_netlink

# The main table has this number and these names (ip-route(8)); no rule leads to it from a tap, since one leads there
# from everywhere.
_MAIN = 254
_NAMES = {"": _MAIN, "main": _MAIN}
_NUMBERS = range(1, 2**32)
# Where tables get names; the first directory that has a file of each name counts.
_PLACES = (Path("/etc/iproute2"), Path("/usr/share/iproute2"))
_OURS = 4  # RTPROT_STATIC of rtnetlink(7): a route that the kernel has not made by itself
_FAMILIES = {4: 2, 6: 10}  # AF_INET, AF_INET6 (address_families(7))
_PROXY = 0x08  # NTF_PROXY of rtnetlink(7)
_SETTINGS = {
    "ipv4": {"proxy_arp": 1, "forwarding": 1, "send_redirects": 0},
    "ipv6": {"proxy_ndp": 1, "forwarding": 1, "accept_ra": 0},
}


class Routed:
    exclusive = True

    async def check(self, nic: GuestNic) -> None:
        if not nic.ip:
            raise WrongInput("Parameter 'ip': a network card in mode 'routed' needs an address, to which it is routed")
        if nic.vlan:
            raise WrongInput(
                "Parameter 'vlan': a network card in mode 'routed' has none; use mode 'bridged' or 'openvswitch'"
            )
        _table(nic.link)

    async def attach(self, nic: GuestNic) -> None:
        tap.tune(tap.name_of(nic), _SETTINGS)
        await with_netlink(partial(_attach, nic=nic))

    async def detach(self, nic: GuestNic) -> None:
        """A tap that goes takes its routes and neighbours with it, but no rules."""
        await with_netlink(partial(_forget_rules, name=tap.name_of(nic)))


async def _attach(netlink: AsyncIPRoute, nic: GuestNic) -> None:
    # Its address is the same on each node, so that a guest which is migrated finds the router that it knows.
    device = await tap.bring_up(netlink, nic)
    address, table, name = ip_address(nic.ip or ""), _table(nic.link), tap.name_of(nic)
    family = _FAMILIES[address.version]
    await _forget_routes(netlink, device)
    await _forget_rules(netlink, name)
    route = {"dst": f"{address}/{address.max_prefixlen}", "oif": device, "table": table, "scope": LINK_SCOPE}
    await netlink.route("replace", family=family, proto=_OURS, **route)
    if table != _MAIN:
        await netlink.rule("add", family=family, table=table, iifname=name)
    gateway = nic.network.gateway6 if nic.network else None
    if gateway and address.version == 6:
        # Neighbours of this version are answered for one by one.
        await netlink.neigh("replace", family=family, dst=gateway, ifindex=device, flags=_PROXY)


async def _forget_routes(netlink: AsyncIPRoute, device: int) -> None:
    """Those of a former address or table."""
    for family in _FAMILIES.values():
        for route in [route async for route in await netlink.get_routes(family=family, oif=device)]:
            if route["proto"] == _OURS:
                found = {"dst": f"{route.get('dst')}/{route['dst_len']}", "table": route.get("table")}
                await netlink.route("del", family=family, oif=device, proto=_OURS, scope=route["scope"], **found)


async def _forget_rules(netlink: AsyncIPRoute, name: str) -> None:
    for family in _FAMILIES.values():
        for rule in [rule async for rule in await netlink.get_rules(family=family)]:
            if rule.get("iifname") == name:
                found = {key: rule.get(key) for key in ("table", "priority")}
                await netlink.rule("del", family=family, iifname=name, **found)


def _table(link: str) -> int:
    """The number of a routing table. Raises EnvironmentUnfit if this node has none of this name."""
    if link.isdecimal() and link.isascii() and int(link) in _NUMBERS:
        return int(link)
    names = _NAMES | _named()
    if link not in names:
        raise EnvironmentUnfit(
            f"There is no routing table '{link}' on this node; choose another with 'link', such as main, or a number, "
            f"or give it this name in {_PLACES[0]}/rt_tables.d/ganeti.conf"
        )
    return names[link]


def _named() -> dict[str, int]:
    """The tables that have names on this node (ip-route(8), "/etc/iproute2/rt_tables")."""
    first = [place / "rt_tables" for place in _PLACES if (place / "rt_tables").is_file()][:1]
    more = {path.name: path for place in reversed(_PLACES) for path in sorted(place.glob("rt_tables.d/*.conf"))}
    found = {}
    for path in (*first, *more.values()):
        for line in path.read_text(errors="replace").splitlines():
            number, _, name = line.partition("#")[0].strip().replace("\t", " ").partition(" ")
            if number.isdecimal() and name.strip():
                found[name.strip()] = int(number)
    return found
