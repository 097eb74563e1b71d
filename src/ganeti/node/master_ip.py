# SPDX-License-Identifier: BSD-2-Clause
"""The cluster's own address, which the master node holds."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import struct
import time
from functools import partial

import msgspec
from msgspec import Struct
from pyroute2 import AsyncIPRoute, NetlinkError

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput, WrongState
from ganeti.host.addresses import is_own_address
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.network.netlink import with_netlink
from ganeti.rpc.contract.node import AddressHeld, CheckDevice, FindHolder, SetMasterIp
from ganeti.rpc.server import Report

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_ARP = 0x0806
_ETHERNET = 1
_IPV4 = 0x0800
_HARDWARE = 6  # bytes of an Ethernet address
_BROADCAST = b"\xff" * _HARDWARE
_NOBODY = b"\x00" * _HARDWARE
_REQUEST, _REPLY = 1, 2

_HEADER, _PACKET, _LARGEST_FRAME = 14, 28, 1522  # bytes: Ethernet header, ARP packet for IPv4, frame
_PROBES, _LISTEN = 2, 0.3  # number of probes whether the address is in use, and their timeout (seconds)

_THERE_ALREADY = errno.EEXIST
_NOT_THERE = errno.EADDRNOTAVAIL


class Held(Struct, frozen=True):
    """The address held, from a file that survives the node daemon but not a reboot."""

    address: str
    netmask: int
    device: str


class MasterIp:
    def __init__(self, paths: Paths) -> None:
        self._record = paths.run / "master-ip"

    async def set(self, call: SetMasterIp, report: Report) -> AddressHeld:
        """Hold the address or give it up; idempotent."""
        del report
        wanted = Held(call.address, call.netmask, call.device)
        address = _address(call.address)
        former = self._read()
        if former and (former != wanted or not call.up):
            await self._release(former)
        if not call.up:
            await with_netlink(partial(_remove, wanted))
            return AddressHeld()
        return await self._hold(wanted, address, force=call.force)

    def holds(self, address: str) -> bool:
        """Whether this machine has an address, however it was set."""
        return is_own_address(address)

    async def give_up(self) -> None:
        """Give up the address that is held, whichever that is."""
        if former := self._read():
            await self._release(former)

    async def find_holder(self, call: FindHolder, report: Report) -> str:
        """For IPv6 only the machine's own addresses are checked."""
        del report
        address = _address(call.address)
        if is_own_address(call.address):
            return "the master node itself"
        _, hardware = await with_netlink(partial(_device, call.device))
        if not isinstance(address, ipaddress.IPv4Address) or len(hardware) != _HARDWARE:
            return ""
        rival = await asyncio.to_thread(find_rival, call.device, hardware, address)
        return f"the machine with the MAC address {rival}" if rival else ""

    async def check_device(self, call: CheckDevice, report: Report) -> None:
        del report
        await with_netlink(partial(_device, call.device))

    async def _hold(self, wanted: Held, address: Address, *, force: bool) -> AddressHeld:
        there, hardware = await with_netlink(partial(_look, wanted))
        # For IPv6 the kernel does duplicate address detection.
        asked = address if isinstance(address, ipaddress.IPv4Address) and len(hardware) == _HARDWARE else None
        rival = await asyncio.to_thread(find_rival, wanted.device, hardware, asked) if asked else ""
        if there:
            return AddressHeld(fresh=False, rival=rival)
        if rival and not force:
            raise WrongState(f"{address} is held by another machine, with the MAC address {rival}")
        write_atomic(self._record, msgspec.json.encode(wanted))
        await with_netlink(partial(_add, wanted))
        if asked:
            announce(wanted.device, hardware, asked)
        return AddressHeld(fresh=True, rival=rival)

    async def _release(self, held: Held) -> None:
        await with_netlink(partial(_remove, held))
        self._record.unlink(missing_ok=True)

    def _read(self) -> Held | None:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Held)
        except (OSError, msgspec.MsgspecError):
            return None


class PaperMasterIp:
    """The address of a simulated node.

    ``interfaces``: those that it has. ``others``: other holders of addresses on its network.
    """

    def __init__(self) -> None:
        self.held: SetMasterIp | None = None
        self.interfaces = {"br0", "br1"}
        self.others: dict[str, str] = {}

    async def set(self, call: SetMasterIp, report: Report) -> AddressHeld:
        fresh = call.up and call != self.held
        await self.check_device(CheckDevice(device=call.device), report)
        self.held = call if call.up else None
        return AddressHeld(fresh=fresh)

    async def find_holder(self, call: FindHolder, report: Report) -> str:
        del report
        return self.others.get(call.address, "")

    def holds(self, address: str) -> bool:
        return self.held is not None and self.held.address == address

    async def check_device(self, call: CheckDevice, report: Report) -> None:
        del report
        if call.device not in self.interfaces:
            raise _no_interface(call.device)


async def _look(held: Held, netlink: AsyncIPRoute) -> tuple[bool, bytes]:
    """(whether the device has the address, the device's hardware address)."""
    device, hardware = await _device(held.device, netlink)
    async for entry in await netlink.get_addr(index=device):
        if entry["prefixlen"] == held.netmask and _same(entry.get("address"), held.address):
            return True, hardware
    return False, hardware


async def _add(held: Held, netlink: AsyncIPRoute) -> None:
    await _change("add", held, netlink)


async def _remove(held: Held, netlink: AsyncIPRoute) -> None:
    try:
        await _change("del", held, netlink)
    except EnvironmentUnfit:
        return  # the device is gone, and its addresses with it


async def _change(command: str, held: Held, netlink: AsyncIPRoute) -> None:
    device, _ = await _device(held.device, netlink)
    try:
        await netlink.addr(command, index=device, address=held.address, prefixlen=held.netmask)
    except NetlinkError as error:
        if error.code not in (_THERE_ALREADY, _NOT_THERE):
            raise ExecutionFailed(f"The address {held.address}/{held.netmask} on {held.device}: {error}") from None


def find_rival(device: str, hardware: bytes, address: ipaddress.IPv4Address) -> str:
    """The hardware address of another machine that answers for ``address``, by an ARP probe (RFC 5227, 2.1.1)."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as link:
        link.bind((device, _ARP))
        for _ in range(_PROBES):
            link.send(probe(hardware, address))
            end = time.monotonic() + _LISTEN
            while (left := end - time.monotonic()) > 0:
                link.settimeout(left)
                try:
                    frame = link.recv(_LARGEST_FRAME)
                except TimeoutError:
                    break
                sender = claimed(frame, address)
                if sender and sender != hardware:
                    return sender.hex(":")
    return ""


def probe(hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    """An ARP probe: asks who has an address, without a sender address."""
    return _frame(_REQUEST, hardware, ipaddress.IPv4Address(0), _NOBODY, address)


def claimed(frame: bytes, address: ipaddress.IPv4Address) -> bytes:
    """The hardware address of the sender of an ARP frame that claims ``address``; empty if it does not."""
    if len(frame) < _HEADER + _PACKET or frame[12:14] != struct.pack("!H", _ARP):
        return b""
    packet = frame[_HEADER:]
    return packet[8:14] if packet[14:18] == address.packed else b""


def announce(device: str, hardware: bytes, address: ipaddress.IPv4Address) -> None:
    """Announce to all neighbours where the address is now (RFC 5227, section 3); some only accept requests."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as link:
        link.bind((device, _ARP))
        for operation in (_REQUEST, _REPLY):
            link.send(announcement(operation, hardware, address))


def announcement(operation: int, hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    """An Ethernet frame with a gratuitous ARP packet (RFC 826)."""
    return _frame(operation, hardware, address, _NOBODY if operation == _REQUEST else hardware, address)


def _frame(
    operation: int, hardware: bytes, sender: ipaddress.IPv4Address, target: bytes, wanted: ipaddress.IPv4Address
) -> bytes:
    ethernet = _BROADCAST + hardware + struct.pack("!H", _ARP)
    kinds = struct.pack("!HHBBH", _ETHERNET, _IPV4, len(hardware), len(sender.packed), operation)
    return ethernet + kinds + hardware + sender.packed + target + wanted.packed


def _same(found: str | None, wanted: str) -> bool:
    return found is not None and ipaddress.ip_address(found) == ipaddress.ip_address(wanted)


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise WrongInput(f"Parameter 'master_ip': '{text}' is not an address") from None


async def _device(name: str, netlink: AsyncIPRoute) -> tuple[int, bytes]:
    """(interface index, hardware address)."""
    found = await netlink.link_lookup(ifname=name)
    if not found:
        raise _no_interface(name)
    async for link in await netlink.get_links(found[0]):
        return found[0], bytes.fromhex((link.get("address") or "").replace(":", ""))
    raise EnvironmentUnfit(f"Parameter 'master_netdev': the network interface '{name}' is gone")


def _no_interface(name: str) -> EnvironmentUnfit:
    return EnvironmentUnfit(f"Parameter 'master_netdev': there is no network interface '{name}' on this node")
