# SPDX-License-Identifier: BSD-2-Clause
"""The NICs of an instance that is being created."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.text import shortened
from ganeti.declare.types import MOST_NICS, DeviceName, MacRequest, Name, Vlans
from ganeti.errors import CheckFailed, InsufficientResources, NotUnique, WrongInput
from ganeti.jobs.context import CheckContext, Random
from ganeti.model.guest import guest_nic
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.parameters import checked
from ganeti.model.parameters.network import VLANS, NicMode, NicParameters
from ganeti.model.pool import Pool, pool_of
from ganeti.model.state import State
from ganeti.operations.network.conflicts import strangers

if TYPE_CHECKING:
    from ganeti.jobs.reservations import Reservations  # imported by the daemon only

_TRIES = 64
POOL = "pool"  # means a free address of the network


class NicRequest(Item, frozen=True, kw_only=True):
    """The options for a NIC (gnt-instance(8), "--net")."""

    noun: ClassVar[str] = "NIC"

    mac: Annotated[MacRequest, param("A MAC address, or 'auto'")] = "auto"
    ip: Annotated[
        Name | None, param("IP address, for scripts and routed mode; 'pool' for a free one of the network")
    ] = None
    mode: Annotated[NicMode | None, param("How it is connected to the node's network")] = None
    link: Annotated[Name | None, param("Bridge, switch or routing table")] = None
    bridge: Annotated[Name | None, param("Old name of link")] = None
    vlan: Annotated[Vlans | None, param(VLANS)] = None
    network: Annotated[
        Name | None, param("A network of the cluster; mode and link are what the node group has for it")
    ] = None
    name: Annotated[DeviceName | None, param("Name of the NIC")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if problems := [*self._problems()]:
            raise ValueError("; ".join(problems))
        if self.ip not in (None, POOL):
            msgspec.structs.force_setattr(self, "ip", str(ipaddress.ip_address(self.ip)))

    @property
    def parameters(self) -> dict[str, Any]:
        """Its overrides of the cluster's NIC parameters."""
        given = {"mode": self.mode, "link": self.link or self.bridge, "vlan": self.vlan}
        return {name: value for name, value in given.items() if value is not None}

    def _problems(self) -> Iterator[str]:
        if self.network and self.parameters:
            yield (
                f"{' and '.join(self.parameters)} cannot be given with a network: how it is connected is set where "
                "the network is ('gnt-network connect')"
            )
        if self.ip == POOL and not self.network:
            yield "an address of a pool needs the network that it is taken from: network=NAME,ip=pool"
        elif self.ip not in (None, POOL) and not _is_address(self.ip):
            yield f"'{shortened(self.ip)}' is not an IP address, nor 'pool'"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


NicRequests = Annotated[list[NicRequest], Meta(max_length=MOST_NICS)]


def planned_nics(
    cluster: CheckContext, requests: Sequence[NicRequest], problems: Problems, *, conflicts_check: bool
) -> tuple[Nic, ...]:
    """The NICs to create, as far as possible; problems are noted, naming the NIC.

    Their addresses are free now; the caller must reserve them at once. ``conflicts_check``: externally reserved
    addresses of their network are refused.
    """
    draft = NicDraft(cluster.state, cluster.reservations, cluster.random, conflicts_check=conflicts_check)
    planned = []
    for index, request in enumerate(requests):
        with problems.noted():
            planned.append(draft.nic(index, request))
    return tuple(planned)


class NicDraft:
    """What has been assigned for one instance, which has nothing in ``state``."""

    def __init__(self, state: State, reservations: Reservations, random: Random, *, conflicts_check: bool) -> None:
        self._state = state
        self._random = random
        self._macs = set(reservations.macs)
        self._addresses = set(reservations.addresses)
        self._conflicts_check = conflicts_check
        self._pools: dict[str, Pool] = {}  # by UUID of the network, like these
        self._strangers: dict[str, Mapping[str, str]] = {}

    def keep(self, nic: Nic) -> None:
        """Keep a NIC that the instance has."""
        self._macs.add(nic.mac)
        if nic.network and nic.ip:
            self._addresses.add((nic.network, nic.ip))

    def nic(self, index: int, request: NicRequest, uuid: str | None = None) -> Nic:
        """``uuid``: of the resulting NIC. Raises CheckFailed."""
        try:
            network = self._state.find(Network, request.network) if request.network else None
            if not network:
                _ensure_sense(self._state, request)
            return Nic(
                uuid=uuid or self._random.uuid(),
                mac=self._mac(request.mac, network),
                name=request.name,
                ip=self._address(request.ip, network) if network and request.ip else request.ip,
                network=network.uuid if network else None,
                nicparams=request.parameters,
            )
        except CheckFailed as error:
            raise type(error)(f"NIC {index}: {error.message}") from None

    def _mac(self, wanted: str, network: Network | None) -> str:
        mac = wanted.lower()
        if wanted in ("auto", "generate"):
            mac = self._new_mac((network and network.mac_prefix) or self._state.cluster.mac_prefix)
        if mac in self._state.macs or mac in self._macs:
            raise NotUnique(f"MAC address {mac} is in use by another card")
        self._macs.add(mac)
        return mac

    def _new_mac(self, prefix: str) -> str:
        for _ in range(_TRIES):
            mac = prefix + "".join(f":{octet:02x}" for octet in self._random.octets(3))
            if mac not in self._state.macs and mac not in self._macs:
                return mac
        raise NotUnique(f"No free MAC address with prefix {prefix} was found; set another with --mac-prefix")

    def _address(self, wanted: str, network: Network) -> str:
        reserved = {address for uuid, address in self._addresses if uuid == network.uuid}
        taken = self._taken_by_strangers(network)
        address = self._free(network, reserved | taken.keys()) if wanted == POOL else wanted
        self._ensure_possible(address, network)
        if address in reserved:
            raise NotUnique(f"IP address {address} of network {network.name} is in use by a card that is being made")
        if address in taken:
            raise NotUnique(
                f"IP address {address} of network {network.name} is in use by {taken[address]}, which is not in it"
            )
        self._addresses.add((network.uuid, address))
        return address

    def _pool(self, network: Network) -> Pool:
        if network.uuid not in self._pools:
            self._pools[network.uuid] = pool_of(self._state, network)
        return self._pools[network.uuid]

    def _taken_by_strangers(self, network: Network) -> Mapping[str, str]:
        """See ``strangers``, which goes through all instances."""
        if network.uuid not in self._strangers:
            self._strangers[network.uuid] = strangers(self._state, network, self._state.groups_with(network))
        return self._strangers[network.uuid]

    def _free(self, network: Network, besides: set[str]) -> str:
        found = self._pool(network).first_free(besides)
        if found is None:
            raise InsufficientResources(
                f"Network {network.name} has no free address; 'gnt-network info {network.name}' shows what they are "
                "used for"
            )
        return found

    def _ensure_possible(self, address: str, network: Network) -> None:
        if not network.contains(address):
            subnets = " or ".join(filter(None, (network.network, network.network6)))
            raise WrongInput(f"IP address {address} is not in network {network.name} ({subnets})")
        if owner := self._state.addresses_in(network).get(address):
            name = self._state.get(Instance, owner).name
            raise NotUnique(f"IP address {address} of network {network.name} is in use by {name}")
        if self._conflicts_check and self._pool(network).keeps(address):
            raise WrongInput(
                f"IP address {address} of network {network.name} is reserved for something else than instances; "
                "choose another one, or use --no-conflicts-check"
            )


def _ensure_sense(state: State, request: NicRequest) -> None:
    """Raise WrongInput for a NIC without a network whose parameters don't go together."""
    parameters = checked(NicParameters, state.cluster.nicparams, request.parameters, what="NIC parameters")
    if parameters.mode == "routed" and not request.ip:
        raise WrongInput("NIC parameters: mode 'routed' needs the address that is routed to it: ip=ADDRESS")


def ensure_addresses_free(state: State, others: Iterable[Instance], nics: Sequence[Nic]) -> None:
    """Raise NotUnique if the address of a NIC outside of any network is in use on the same link.

    By this instance or by ``others``.
    """
    apart = {index: nic for index, nic in enumerate(nics) if nic.ip and not nic.network}
    wanted = {nic.ip for nic in apart.values()}
    taken = {_place(state, nic): i.name for i in others for nic in i.nics if nic.ip in wanted and not nic.network}
    for index, nic in apart.items():
        place = _place(state, nic)
        if place in taken:
            raise NotUnique(f"NIC {index}: IP address {nic.ip} is in use on the same link by {taken[place]}")
        taken[place] = f"NIC {index} of the same instance"


def _place(state: State, nic: Nic) -> tuple[str, str, str, str | None]:
    """The scope in which an address must be unique: separate networks may have the same."""
    connected = guest_nic(state, nic, None)
    return connected.mode, connected.link, connected.vlan, nic.ip
