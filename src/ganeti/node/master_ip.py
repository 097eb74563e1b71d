# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's own address, which the master node holds."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from functools import partial

from pyroute2 import AsyncIPRoute, NetlinkError

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput
from ganeti.node.network.netlink import with_netlink
from ganeti.rpc.contract.node import SetMasterIp
from ganeti.rpc.server import Report

_ARP = 0x0806
_ETHERNET = 1
_IPV4 = 0x0800
_HARDWARE = 6  # bytes of an Ethernet address
_BROADCAST = b"\xff" * _HARDWARE
_NOBODY = b"\x00" * _HARDWARE
_REQUEST, _REPLY = 1, 2

_THERE_ALREADY = errno.EEXIST
_NOT_THERE = errno.EADDRNOTAVAIL


class MasterIp:
    async def set(self, call: SetMasterIp, report: Report) -> None:
        """Hold the address or give it up; what is so already stays so."""
        del report
        address = _address(call.address)
        hardware = await with_netlink(partial(_set, call, address))
        # Of a new IPv6 address, neighbours learn from the kernel's duplicate address detection.
        if call.up and isinstance(address, ipaddress.IPv4Address) and len(hardware) == _HARDWARE:
            announce(call.device, hardware, address)


async def _set(
    call: SetMasterIp, address: ipaddress.IPv4Address | ipaddress.IPv6Address, netlink: AsyncIPRoute
) -> bytes:
    """Returns the device's hardware address."""
    device, hardware = await _device(netlink, call.device)
    command, as_wanted = ("add", _THERE_ALREADY) if call.up else ("del", _NOT_THERE)
    try:
        await netlink.addr(command, index=device, address=str(address), prefixlen=call.netmask)
    except NetlinkError as error:
        if error.code != as_wanted:
            raise ExecutionFailed(f"The address {address}/{call.netmask} on {call.device}: {error}") from None
    return hardware


def announce(device: str, hardware: bytes, address: ipaddress.IPv4Address) -> None:
    """Tell all neighbours where the address is now (RFC 5227, section 3); some listen to requests only."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as link:
        link.bind((device, _ARP))
        for operation in (_REQUEST, _REPLY):
            link.send(announcement(operation, hardware, address))


def announcement(operation: int, hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    """An Ethernet frame with an ARP packet (RFC 826) in which an address speaks about itself."""
    ethernet = _BROADCAST + hardware + struct.pack("!H", _ARP)
    target = _NOBODY if operation == _REQUEST else hardware
    kinds = struct.pack("!HHBBH", _ETHERNET, _IPV4, len(hardware), len(address.packed), operation)
    return ethernet + kinds + hardware + address.packed + target + address.packed


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise WrongInput(f"Parameter 'master_ip': '{text}' is not an address") from None


async def _device(netlink: AsyncIPRoute, name: str) -> tuple[int, bytes]:
    """(interface index, hardware address)."""
    found = await netlink.link_lookup(ifname=name)
    if not found:
        raise EnvironmentUnfit(f"Parameter 'master_netdev': there is no network interface '{name}' on this node")
    async for link in await netlink.get_links(found[0]):
        return found[0], bytes.fromhex((link.get("address") or "").replace(":", ""))
    raise EnvironmentUnfit(f"Parameter 'master_netdev': the network interface '{name}' is gone")
