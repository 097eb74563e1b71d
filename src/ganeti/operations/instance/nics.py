# SPDX-License-Identifier: BSD-2-Clause
"""The network cards of an instance that is being made."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.text import shortened
from ganeti.declare.types import MOST_NICS, MacRequest, Name
from ganeti.errors import NotUnique
from ganeti.jobs.context import Random
from ganeti.model.guest import guest_nic
from ganeti.model.instance import Instance
from ganeti.model.nic import Nic
from ganeti.model.parameters.network import UNSUPPORTED_MODES, NicMode
from ganeti.model.state import State

_TRIES = 64


class NicRequest(Item, frozen=True, kw_only=True):
    """What may be said of a network card (gnt-instance(8), "--net")."""

    noun: ClassVar[str] = "NIC"

    mac: Annotated[MacRequest, param("A MAC address, or 'auto'")] = "auto"
    ip: Annotated[Name | None, param("IP address, for scripts and routed mode")] = None
    mode: Annotated[
        NicMode | None, param("How it is connected to the node's network", unsupported=UNSUPPORTED_MODES)
    ] = None
    link: Annotated[Name | None, param("Bridge, switch or routing table")] = None
    bridge: Annotated[Name | None, param("Old name of link")] = None
    vlan: Annotated[Name | None, param("VLAN tags", unsupported=True)] = None
    network: Annotated[Name | None, param("A network of the cluster", unsupported=True)] = None
    name: Annotated[Name | None, param("Name of the NIC")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ip is not None:
            msgspec.structs.force_setattr(self, "ip", _canonical(self.ip))

    @property
    def parameters(self) -> dict[str, Any]:
        """What it overrides of the cluster's NIC parameters."""
        given = {"mode": self.mode, "link": self.link or self.bridge}
        return {name: value for name, value in given.items() if value is not None}


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise ValueError(f"'{shortened(address)}' is not an IP address") from None


NicRequests = Annotated[list[NicRequest], Meta(max_length=MOST_NICS)]


def planned_nics(state: State, reserved: set[str], requests: Sequence[NicRequest], random: Random) -> tuple[Nic, ...]:
    """The cards to make; ``reserved`` MACs are taken as well. Raises NotUnique, naming the card."""
    taken = set(reserved)
    planned = []
    for index, request in enumerate(requests):
        mac = _mac(state, request.mac, index, taken, random)
        taken.add(mac)
        planned.append(
            Nic(
                uuid=random.uuid(),
                mac=mac,
                name=request.name,
                ip=request.ip,
                nicparams=request.parameters,
            )
        )
    return tuple(planned)


def ensure_addresses_free(state: State, others: Iterable[Instance], nics: Sequence[Nic]) -> None:
    """Raise NotUnique if a card's address is another one's on the same link, of this instance or of ``others``."""
    wanted = {nic.ip for nic in nics if nic.ip}
    taken = {_place(state, nic): i.name for i in others for nic in i.nics if nic.ip in wanted}
    for index, nic in enumerate(nics):
        place = _place(state, nic) if nic.ip else None
        if place in taken:
            raise NotUnique(f"NIC {index}: IP address {nic.ip} is in use on the same link by {taken[place]}")
        if place:
            taken[place] = f"NIC {index} of the same instance"


def _place(state: State, nic: Nic) -> tuple[str, str, str, str | None]:
    """Where an address must be the only one: networks that are apart may have the same."""
    connected = guest_nic(state, nic)
    return connected.mode, connected.link, connected.vlan, nic.ip


def _mac(state: State, mac: str, index: int, taken: set[str], random: Random) -> str:
    if mac in ("auto", "generate"):
        return _new_mac(state, taken, random)
    mac = mac.lower()
    if mac in state.macs or mac in taken:
        raise NotUnique(f"NIC {index}: MAC address {mac} is in use by another card")
    return mac


def _new_mac(state: State, taken: set[str], random: Random) -> str:
    for _ in range(_TRIES):
        mac = state.cluster.mac_prefix + "".join(f":{octet:02x}" for octet in random.octets(3))
        if mac not in state.macs and mac not in taken:
            return mac
    raise NotUnique(
        f"No free MAC address with prefix {state.cluster.mac_prefix} was found; set another with --mac-prefix"
    )
