# SPDX-License-Identifier: BSD-2-Clause
"""What a guest runs with; the configuration may have changed since it was started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ganeti.declare.parameter import parameters_of
from ganeti.model.disk import Disk
from ganeti.model.entity import differences as changed_fields
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest, GuestNic
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS


class Difference(Struct, frozen=True):
    """A value that takes effect at the next start: what the guest runs with, and what is configured."""

    name: str
    running: str
    configured: str

    def __str__(self) -> str:
        return f"{self.name} is {self.running!r}, configured is {self.configured!r}"


D = TypeVar("D", Disk, GuestNic)


@dataclass(frozen=True, slots=True)
class Plugging:
    """What is to be unplugged from and plugged into a running guest; a NIC that is replaced is in both.

    ``vcpus``, ``memory`` (MiB): how many more, or fewer; ``sized``: whether these, or bounds of them, differ. ``moved``
    NICs stay, and are connected elsewhere. ``reopened`` disks would have to be opened in another way; ``limited`` ones
    get other limits of their speed. ``relocated`` ones of the wanted guest are in another place, or in another format.
    """

    vcpus: int
    memory: int
    sized: bool
    gone_disks: tuple[Disk, ...]
    new_disks: tuple[Disk, ...]
    reopened: tuple[Disk, ...]
    limited: tuple[Disk, ...]
    relocated: tuple[Disk, ...]
    gone_cards: tuple[GuestNic, ...]
    new_cards: tuple[GuestNic, ...]
    moved: tuple[GuestNic, ...]

    @property
    def of_disks(self) -> bool:
        return bool(self.gone_disks or self.new_disks)

    @property
    def of_cards(self) -> bool:
        return bool(self.gone_cards or self.new_cards)

    @property
    def plugs(self) -> bool:
        """Whether the guest must notice it: devices come or go."""
        return self.sized or self.of_disks or self.of_cards

    def __bool__(self) -> bool:
        return bool(self.plugs or self.reopened or self.limited or self.relocated or self.moved)


def plugging(runs: Guest, wanted: Guest) -> Plugging:
    """What turns a running guest into the wanted one."""
    disks, wanted_disks = _by_uuid(runs.disks), _by_uuid(wanted.disks)
    cards, wanted_cards = _by_uuid(runs.nics), _by_uuid(wanted.nics)
    same = {uuid for uuid in cards.keys() & wanted_cards.keys() if _is_same(cards[uuid], wanted_cards[uuid])}
    return Plugging(
        vcpus=wanted.beparams.vcpus - runs.beparams.vcpus,
        memory=wanted.beparams.maxmem - runs.beparams.maxmem,
        sized=wanted.beparams != runs.beparams,
        gone_disks=tuple(disk for disk in runs.disks if disk.uuid not in wanted_disks),
        new_disks=tuple(disk for disk in wanted.disks if disk.uuid not in disks),
        reopened=tuple(d for d in wanted.disks if d.uuid in disks and d.mode != disks[d.uuid].mode),
        limited=tuple(d for d in wanted.disks if d.uuid in disks and d.limits != disks[d.uuid].limits),
        relocated=tuple(d for d in wanted.disks if d.uuid in disks and _place(d) != _place(disks[d.uuid])),
        gone_cards=tuple(nic for nic in runs.nics if nic.uuid not in same),
        new_cards=tuple(nic for nic in wanted.nics if nic.uuid not in same),
        moved=tuple(n for n in wanted.nics if n.uuid in same and _connection(n) != _connection(cards[n.uuid])),
    )


def as_changed(runs: Guest, before: Guest, after: Guest, plugged: Iterable[str] = ()) -> Guest:
    """A running guest with its disks and NICs after a change; what waits for its next start still does.

    ``plugged``: the backend parameters that reach it too.
    """
    peers = {peer.uuid: peer for peer in (*runs.peers, *before.peers, *after.peers)}
    return evolve(
        runs,
        disk_template=after.disk_template,
        disks=tuple(_devices(runs.disks, before.disks, after.disks)),
        nics=tuple(_devices(runs.nics, before.nics, after.nics)),
        peers=tuple(peers.values()),
        beparams=evolve(runs.beparams, **{name: getattr(after.beparams, name) for name in plugged}),
    )


def as_it_runs(configured: Guest, started: Guest) -> Guest:
    """The guest with all that it was started with; what takes effect at once is as it is configured."""
    hypervisor = HYPERVISOR_PARAMETERS[configured.hypervisor]
    beparams = _kept(BackendParameters, as_mapping(configured.beparams), as_mapping(started.beparams))
    return evolve(
        configured,
        hvparams=_kept(hypervisor, configured.hvparams, started.hvparams),
        beparams=msgspec.convert(beparams, BackendParameters),
        disk_template=started.disk_template,
        disks=_found(started.disks, configured.disks),
        nics=started.nics,
        network_port=started.network_port,
        layout=started.layout,
        memory=started.memory,
        base_memory=started.base_memory,
        cpu_checked=bool(started.cpu_checked),
    )


def differences(configured: Guest, started: Guest) -> tuple[Difference, ...]:
    """What of the configuration takes effect at the guest's next start."""
    if configured == started:
        return ()
    runs, wanted = dict(_values(as_it_runs(configured, started))), dict(_values(configured))
    names = dict.fromkeys([*wanted, *runs])
    return tuple(
        Difference(name, runs.get(name, ""), wanted.get(name, ""))
        for name in names
        if runs.get(name, "") != wanted.get(name, "")
    )


def _found(started: Iterable[Disk], configured: Iterable[Disk]) -> tuple[Disk, ...]:
    """The disks a guest was started with, at their present location and size, which change while it runs."""
    now = {disk.uuid: disk for disk in configured}
    return tuple(
        replace(disk, nodes=now[disk.uuid].nodes, mirror=now[disk.uuid].mirror, size=now[disk.uuid].size)
        if disk.uuid in now
        else disk
        for disk in started
    )


def _devices(runs: Sequence[D], before: Sequence[D], after: Sequence[D]) -> Iterator[D]:
    running, former, latter = _by_uuid(runs), _by_uuid(before), _by_uuid(after)
    for device in after:
        if device.uuid not in former:
            yield device
        elif device.uuid in running:
            yield replace(running[device.uuid], **dict(changed_fields(former[device.uuid], device)))
    yield from (device for device in runs if device.uuid not in former and device.uuid not in latter)


def _by_uuid(devices: Iterable[D]) -> dict[str, D]:
    return {device.uuid: device for device in devices}


def _is_same(card: GuestNic, other: GuestNic) -> bool:
    """Whether a NIC can be turned into the other one without the guest seeing another device."""
    return _identity(card) == _identity(other)


def _place(disk: Disk) -> tuple[object, ...]:
    return disk.template, disk.location, disk.format


def _identity(card: GuestNic) -> tuple[object, ...]:
    """The node's end of a card to the metadata daemon is made for the card's address."""
    return card.mac, card.mode, card.communicates and card.ip


def _connection(card: GuestNic) -> tuple[object, ...]:
    return card.link, card.vlan, card.mode == "routed" and card.ip


def _kept(cls: type[Struct], configured: Mapping[str, Any], started: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters unknown to the older software that started the guest have their defaults, which change no machine."""
    default = as_mapping(cls())
    return {
        name: configured[name] if parameter.at_once else started.get(name, default[name])
        for name, parameter in parameters_of(cls).items()
    }


def _values(guest: Guest) -> Iterator[tuple[str, str]]:
    for name, value in guest.hvparams.items():
        yield name, str(value)
    for name, value in as_mapping(guest.beparams).items():
        yield name, str(value)
    for index, disk in enumerate(guest.disks):
        limits = f", {disk.limits}" if disk.limits else ""
        yield f"disk/{index}", f"{disk.location} ({disk.mode}{limits})"
    for index, nic in enumerate(guest.nics):
        yield f"nic/{index}", f"{nic.mac}, {nic.mode} {nic.link}{nic.vlan}"
