# SPDX-License-Identifier: BSD-2-Clause
"""Changes of an instance's network cards (gnt-instance(8), "modify", "--net")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, UnsetType

from ganeti.declare.decode import decode
from ganeti.declare.item import Item
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import MOST_NICS, DeviceName, MacRequest, Name, Vlans
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.parameters.network import VLANS
from ganeti.model.state import State
from ganeti.operations.instance.device_changes import DeviceChange, Devices, ensure_names_differ
from ganeti.operations.instance.nics import NicDraft, NicRequest, ensure_addresses_free


class NicValues(Item, frozen=True, kw_only=True):
    """Settings of a NIC; what is not given stays as it is, and 'none' removes an optional one."""

    noun: ClassVar[str] = "NIC"

    mac: Annotated[MacRequest | UnsetType | None, param("A MAC address, or 'auto'")] = UNSET
    ip: Annotated[Name | UnsetType | None, param("IP address; 'pool' for a free one of the network")] = UNSET
    mode: Annotated[Name | UnsetType | None, param("How it is connected to the node's network")] = UNSET
    link: Annotated[Name | UnsetType | None, param("Bridge, switch or routing table")] = UNSET
    bridge: Annotated[Name | UnsetType | None, param("Old name of link")] = UNSET
    vlan: Annotated[Vlans | UnsetType | None, param(VLANS)] = UNSET
    network: Annotated[Name | UnsetType | None, param("A network of the cluster")] = UNSET
    name: Annotated[DeviceName | UnsetType | None, param("Name of the NIC")] = UNSET


class NicChange(DeviceChange, frozen=True, array_like=True):
    """``["add", -1, {"link": "br1"}]``, ``["modify", 0, {"ip": "192.0.2.1"}]``, ``["remove", 1, {}]``."""

    noun: ClassVar[str] = "NIC change"

    values: Annotated[NicValues, param("What the network card is to be")]


NicChanges = Annotated[list[NicChange], Meta(max_length=MOST_NICS)]


@dataclass(frozen=True, slots=True)
class _Card:
    """A present or requested NIC: the request for it, or None if it stays as it is."""

    before: Nic | None
    request: Mapping[str, Any] | None = None

    @property
    def uuid(self) -> str:
        return self.before.uuid if self.before else ""

    @property
    def name(self) -> str | None:
        if self.request is not None:
            return self.request.get("name")
        return self.before.name if self.before else None


def with_changed_nics(
    cluster: CheckContext, instance: Instance, changes: NicChanges, *, conflicts_check: bool
) -> Instance:
    """The instance with its NICs changed; their new addresses are free now, the caller must reserve them.

    Raises WrongInput or NotUnique with everything that is wrong.
    """
    cards, problems = Devices("NIC", MOST_NICS, tuple(_Card(nic) for nic in instance.nics)), Problems()
    for change in changes:
        with problems.noted():
            cards = _changed(cluster.state, cards, change)
    # It may reuse its present addresses.
    state = cluster.state.changed([evolve(instance, nics=())])
    draft = NicDraft(state, cluster.reservations, cluster.random, conflicts_check=conflicts_check)
    for card in cards.all:
        if card.before and card.request is None:
            draft.keep(card.before)
    nics = [nic for index, card in enumerate(cards.all) if (nic := _drafted(draft, index, card, problems))]
    with problems.noted():
        others = [one for one in (*state.instances, *cluster.reservations.instances) if one.uuid != instance.uuid]
        ensure_addresses_free(state, others, nics)
    with problems.noted():
        ensure_names_differ("NIC", nics)
    problems.tell()
    return evolve(instance, nics=tuple(nics))


def networks_named(changes: NicChanges) -> list[str]:
    named = [change.values.network for change in changes]
    return [name for name in named if isinstance(name, str)]


def told(state: State, before: Sequence[Nic], after: Sequence[Nic]) -> Iterator[tuple[str, str]]:
    """What has changed, in Ganeti's terms: ``nic.1`` was added or removed, ``nic.ip/0`` was changed."""
    former, present = ({nic.uuid: nic for nic in nics} for nics in (before, after))
    yield from ((f"nic.{index}", "remove") for index, nic in enumerate(before) if nic.uuid not in present)
    for index, nic in enumerate(after):
        values = _request_of(state, nic)
        if nic.uuid not in former:
            yield f"nic.{index}", f"add:{','.join(f'{name}={value}' for name, value in values.items() if value)}"
            continue
        old = _request_of(state, former[nic.uuid])
        names = [name for name in dict.fromkeys([*values, *old]) if values.get(name) != old.get(name)]
        yield from ((f"nic.{name}/{index}", str(values.get(name))) for name in names)


def _changed(state: State, cards: Devices[_Card], change: NicChange) -> Devices[_Card]:
    given = change.values.given
    if change.action == "add":
        return cards.with_added(cards.new_place(change.which), _Card(None, given))
    if change.action == "remove":
        return cards.without(cards.place_of_removed(change.which, change.values))
    place = cards.place(change.which)
    card = cards.all[place]
    present = card.request if card.request is not None else _request_of(state, card.before) if card.before else {}
    return cards.with_changed(place, replace(card, request=_merged(present, given)))


def _request_of(state: State, nic: Nic) -> dict[str, Any]:
    """The request that would create this NIC."""
    network = state.get(Network, nic.network).name if nic.network else None
    return {"mac": nic.mac, "ip": nic.ip, "network": network, "name": nic.name, **nic.nicparams}


def _merged(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A NIC that joins a network drops how it was connected before; with a new bridge, its former link."""
    left = ("mode", "link", "bridge", "vlan") if given.get("network") else ("link",) if given.get("bridge") else ()
    return {**{name: value for name, value in present.items() if name not in left}, **given}


def _drafted(draft: NicDraft, index: int, card: _Card, problems: Problems) -> Nic | None:
    if card.request is None:
        return card.before
    with problems.noted():
        return draft.nic(index, _request(index, card.request), card.before.uuid if card.before else None)
    return None


def _request(index: int, given: Mapping[str, Any]) -> NicRequest:
    """Raises WrongInput, naming the NIC."""
    what = f"NIC {index}: "
    try:
        return decode({name: value for name, value in given.items() if value is not None}, NicRequest, what[:-2])
    except WrongInput as error:
        lines = [f"{what}{line.removeprefix(what)}" for line in error.message.splitlines()]
        raise WrongInput("\n".join(lines)) from None
