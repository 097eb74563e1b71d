# SPDX-License-Identifier: BSD-2-Clause
"""The networks between virtual nodes: each node has a NIC in each of them.

All are in the network namespace of the lab. Nodes are saved with their addresses, so these never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ganeti.lab import network
from ganeti.lab.plan import MACHINE, LabPlan


@dataclass(frozen=True, slots=True)
class Cable:
    """``card``: its interface name on a node. ``switch``: the bridge in the lab's namespace."""

    card: str
    switch: str
    network: IPv4Network
    network6: IPv6Network

    def tap(self, node: str) -> str:
        """The end of the cable at the switch."""
        return f"{node}-{self.card}"

    def address(self, plan: LabPlan, node: str) -> IPv4Address:
        return self.network.network_address + plan.number(node)

    def address6(self, plan: LabPlan, node: str) -> IPv6Address:
        return self.network6.network_address + plan.number(node)

    def mac(self, plan: LabPlan, node: str) -> str:
        return f"52:54:00:77:{self.network.network_address.packed[2]:02x}:{plan.number(node):02x}"


def _cable(card: str, switch: str, number: int) -> Cable:
    return Cable(card, switch, IPv4Network(f"10.78.{number}.0/24"), IPv6Network(f"fd78:0:0:{number}::/64"))


CLUSTER = _cable("eth0", network.SWITCH, 0)  # the port of br0, which guests join
SECONDARY = _cable("eth1", "secondary", 1)  # for the secondary addresses of nodes: DRBD's traffic
MANAGEMENT = _cable("eth2", "management", 2)  # for access from this machine, whatever else is cut
CABLES = (CLUSTER, SECONDARY, MANAGEMENT)


def build_switches() -> None:
    """Run in the lab's own namespace."""
    lines = ["link set lo up"]
    for number, cable in enumerate(CABLES):
        lines.append(f"link add {cable.switch} address 02:00:00:00:{number:02x}:fe type bridge")
        lines.append(f"link set {cable.switch} up")
    here = MANAGEMENT.network.network_address + MACHINE
    lines.append(f"address add {here}/{MANAGEMENT.network.prefixlen} dev {MANAGEMENT.switch}")
    network.batch("\n".join(lines))


def plug(node: str) -> None:
    """Run in the lab's own namespace, before QEMU looks for its taps."""
    network.batch("".join(f"link delete {cable.tap(node)}\n" for cable in CABLES), tolerant=True)
    network.batch(
        "".join(
            f"tuntap add {cable.tap(node)} mode tap\nlink set {cable.tap(node)} master {cable.switch} up\n"
            for cable in CABLES
        )
    )


def switch(node: str, cables: tuple[Cable, ...], fabric: int, state: str) -> None:
    """``state``: "up" or "down", which loses packets silently. ``fabric``: the first process."""
    inside = ("nsenter", "--target", str(fabric), "--net")
    network.batch("".join(f"link set {cable.tap(node)} {state}\n" for cable in cables), inside=inside)
