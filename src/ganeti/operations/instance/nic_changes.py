# SPDX-License-Identifier: BSD-2-Clause
"""Changes of an instance's network cards (gnt-instance(8), "modify", "--net")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from ganeti.declare.decode import decode
from ganeti.declare.item import not_given
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import MOST, MOST_NICS, MacRequest, Name
from ganeti.errors import WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.state import State
from ganeti.operations.instance.nics import NicDraft, NicRequest, ensure_addresses_free

_ACTIONS = ("add", "remove", "modify")


class NicChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a network card is to be; what is not given stays as it is, and 'none' takes away what can be."""

    noun: ClassVar[str] = "NIC"

    mac: Annotated[MacRequest | UnsetType | None, param("A MAC address, or 'auto'")] = UNSET
    ip: Annotated[Name | UnsetType | None, param("IP address; 'pool' for a free one of the network")] = UNSET
    mode: Annotated[Name | UnsetType | None, param("How it is connected to the node's network")] = UNSET
    link: Annotated[Name | UnsetType | None, param("Bridge, switch or routing table")] = UNSET
    bridge: Annotated[Name | UnsetType | None, param("Old name of link")] = UNSET
    vlan: Annotated[Name | UnsetType | None, param("VLAN tags")] = UNSET
    network: Annotated[Name | UnsetType | None, param("A network of the cluster")] = UNSET
    name: Annotated[Name | UnsetType | None, param("Name of the NIC")] = UNSET

    @property
    def given(self) -> dict[str, str | None]:
        """None for what is taken away."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: None if not_given(value) else value for name, value in values.items() if value is not UNSET}


# [what to do, which one, what is to be], or without the second: which one, or what to do with the last one.
# No tuple: msgspec 0.23 crashes on one in a union whose content is wrong.
_Index = Annotated[int, Meta(ge=-1, le=MOST)]
_Entry = Annotated[list[_Index | Name | NicChange], Meta(min_length=2, max_length=3)]
NicChanges = Annotated[list[_Entry], Meta(max_length=MOST_NICS)]


@dataclass(frozen=True, slots=True)
class _Card:
    """One there is, or is to be: what is asked of it, or None of one that stays as it is."""

    before: Nic | None
    request: Mapping[str, Any] | None = None


def with_changed_nics(
    cluster: CheckContext, instance: Instance, changes: NicChanges, *, conflicts_check: bool
) -> Instance:
    """The instance with its network cards changed; the addresses that they get are free now, the caller reserves them.

    Raises WrongInput or NotUnique with everything that is wrong.
    """
    cards = [_Card(nic) for nic in instance.nics]
    for entry in changes:
        _apply(cluster.state, cards, *_parsed(entry))
    if len(cards) > MOST_NICS:
        raise WrongInput(f"Parameter 'nics': {instance.name} would have {len(cards)} NICs, it can have {MOST_NICS}")
    problems = Problems()
    # What it has now is its own to take again.
    state = cluster.state.changed([evolve(instance, nics=())])
    draft = NicDraft(state, cluster.reservations, cluster.random, conflicts_check=conflicts_check)
    for card in cards:
        if card.before and card.request is None:
            draft.keep(card.before)
    nics = [nic for index, card in enumerate(cards) if (nic := _drafted(draft, index, card, problems))]
    with problems.noted():
        others = [one for one in (*state.instances, *cluster.reservations.instances) if one.uuid != instance.uuid]
        ensure_addresses_free(state, others, nics)
    with problems.noted():
        _ensure_names_differ(nics)
    problems.tell()
    return evolve(instance, nics=tuple(nics))


def networks_named(changes: NicChanges) -> list[str]:
    named = [item.network for entry in changes for item in entry if isinstance(item, NicChange)]
    return [name for name in named if isinstance(name, str) and not not_given(name)]


def told(state: State, before: Sequence[Nic], after: Sequence[Nic]) -> Iterator[tuple[str, str]]:
    """What has changed, in the words of Ganeti: ``nic.1`` is added or removed, ``nic.ip/0`` is another."""
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


def _parsed(entry: _Entry) -> tuple[str, int | str, NicChange]:
    match entry:
        case [str() as action, NicChange() as change] if action in _ACTIONS[:2]:
            return action, -1, change
        case [int() as index, NicChange() as change]:
            return "modify", index, change
        case [str() as action, int() | str() as which, NicChange() as change] if action in _ACTIONS:
            return action, which, change
    raise WrongInput(
        f"Parameter 'nics': give what to do ({', '.join(_ACTIONS)}), the number, name or UUID of a NIC, and its values"
    )


def _apply(state: State, cards: list[_Card], action: str, which: int | str, change: NicChange) -> None:
    if action == "add":
        place = len(cards) if which == -1 else which
        if not isinstance(place, int) or place > len(cards):
            raise WrongInput(f"Parameter 'nics': a NIC cannot be added as number {which}; there are {len(cards)}")
        cards.insert(place, _Card(None, change.given))
        return
    index = _found(cards, which)
    if action == "remove":
        if change.given:
            raise WrongInput(f"Parameter 'nics': NIC {which} is to be removed, so it has no values")
        del cards[index]
        return
    card = cards[index]
    present = card.request if card.request is not None else _request_of(state, card.before) if card.before else {}
    cards[index] = replace(card, request=_merged(present, change.given))


def _found(cards: Sequence[_Card], which: int | str) -> int:
    """The place of the card with a number, a UUID or a name. Raises WrongInput."""
    numbers = {-1: len(cards) - 1, **{index: index for index in range(len(cards))}} if cards else {}
    named = [i for i, card in enumerate(cards) if card.before and which in (card.before.uuid, card.before.name)]
    place = numbers.get(which) if isinstance(which, int) else next(iter(named), None)
    if place is None:
        raise WrongInput(f"Parameter 'nics': there is no NIC {which}; there are {len(cards)}, counted from 0")
    return place


def _request_of(state: State, nic: Nic) -> dict[str, Any]:
    """What would make a card as it is."""
    network = state.get(Network, nic.network).name if nic.network else None
    return {"mac": nic.mac, "ip": nic.ip, "network": network, "name": nic.name, **nic.nicparams}


def _merged(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Who comes into a network leaves the link that there was."""
    left = ("mode", "link", "bridge") if given.get("network") else ("link",) if given.get("bridge") else ()
    return {**{name: value for name, value in present.items() if name not in left}, **given}


def _drafted(draft: NicDraft, index: int, card: _Card, problems: Problems) -> Nic | None:
    if card.request is None:
        return card.before
    with problems.noted():
        return draft.nic(index, _request(index, card.request), card.before.uuid if card.before else None)
    return None


def _request(index: int, given: Mapping[str, Any]) -> NicRequest:
    """Raises WrongInput, naming the card."""
    what = f"NIC {index}: "
    try:
        return decode({name: value for name, value in given.items() if value is not None}, NicRequest, what[:-2])
    except WrongInput as error:
        lines = [f"{what}{line.removeprefix(what)}" for line in error.message.splitlines()]
        raise WrongInput("\n".join(lines)) from None


def _ensure_names_differ(nics: Sequence[Nic]) -> None:
    names = [nic.name for nic in nics if nic.name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise WrongInput(f"Parameter 'nics': two NICs would have the name {', '.join(twice)}")
