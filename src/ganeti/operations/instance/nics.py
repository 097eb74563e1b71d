# SPDX-License-Identifier: BSD-2-Clause
"""The network cards of an instance that is being made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Struct

from ganeti.declare.decode import decode
from ganeti.declare.parameter import param
from ganeti.errors import NotUnique, WrongInput
from ganeti.jobs.context import Random
from ganeti.model.nic import Nic
from ganeti.model.parameters import overrides
from ganeti.model.parameters.network import NicParameters
from ganeti.model.state import State

_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")
_MULTICAST = 1  # the lowest bit of a MAC's first octet
_TRIES = 64


class NicRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be said of a network card (gnt-instance(8), "--net")."""

    mac: Annotated[str, param("A MAC address, or 'auto'")] = "auto"
    ip: Annotated[str | None, param("Its address, for scripts and routed mode")] = None
    mode: Annotated[str | None, param("bridged, routed or openvswitch")] = None
    link: Annotated[str | None, param("Bridge, switch or routing table")] = None
    bridge: Annotated[str | None, param("Old name of link")] = None
    vlan: Annotated[str | None, param("VLAN tags")] = None
    network: Annotated[str | None, param("A network of the cluster")] = None
    name: Annotated[str | None, param("Name of the card")] = None


def planned_nics(
    state: State, reserved: set[str], nics: Sequence[Mapping[str, Any]], random: Random
) -> tuple[Nic, ...]:
    """The cards to make; ``reserved`` MACs are taken as well. Raises WrongInput or NotUnique, naming the card."""
    requests = [decode(_without_none(nic), NicRequest, f"NIC {index}") for index, nic in enumerate(nics)]
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
                ip=_ip(request.ip, index),
                nicparams=_parameters(request, index),
            )
        )
    return tuple(planned)


def _without_none(nic: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in nic.items() if value not in (None, "none", "")}


def _parameters(request: NicRequest, index: int) -> dict[str, Any]:
    if request.network:
        raise WrongInput(f"NIC {index}: networks are not supported yet; give mode and link instead")
    given = {"mode": request.mode, "link": request.link or request.bridge, "vlan": request.vlan}
    return overrides(NicParameters, {key: value for key, value in given.items() if value}, {}, f"NIC {index}")


def _ip(ip: str | None, index: int) -> str | None:
    if ip is None:
        return None
    try:
        return str(ipaddress.ip_address(ip))
    except ValueError:
        raise WrongInput(f"NIC {index}: '{ip}' is not an IP address") from None


def _mac(state: State, mac: str, index: int, taken: set[str], random: Random) -> str:
    if mac in ("auto", "generate"):
        return _new_mac(state, taken, random)
    mac = mac.lower()
    if not _MAC.match(mac) or int(mac[:2], 16) & _MULTICAST:
        raise WrongInput(f"NIC {index}: '{mac}' is not the MAC address of a card, such as aa:00:00:12:34:56")
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
