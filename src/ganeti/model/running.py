# SPDX-License-Identifier: BSD-2-Clause
"""What a guest runs with, which the configuration may have left behind since it was started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ganeti.declare.parameter import parameters_of
from ganeti.model.disk import Disk
from ganeti.model.entity import evolve
from ganeti.model.guest import Guest
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
    """The disks a guest was started with, where they are now and as large as they are: that changes while it runs."""
    now = {disk.uuid: disk for disk in configured}
    return tuple(
        replace(disk, nodes=now[disk.uuid].nodes, mirror=now[disk.uuid].mirror, size=now[disk.uuid].size)
        if disk.uuid in now
        else disk
        for disk in started
    )


def _kept(cls: type[Struct], configured: Mapping[str, Any], started: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that older software did not know when it started the guest are as configured."""
    return {
        name: configured[name] if parameter.at_once or name not in started else started[name]
        for name, parameter in parameters_of(cls).items()
    }


def _values(guest: Guest) -> Iterator[tuple[str, str]]:
    for name, value in guest.hvparams.items():
        yield name, str(value)
    for name, value in as_mapping(guest.beparams).items():
        yield name, str(value)
    for index, disk in enumerate(guest.disks):
        yield f"disk/{index}", f"{disk.location} ({disk.mode})"
    for index, nic in enumerate(guest.nics):
        yield f"nic/{index}", f"{nic.mac}, {nic.mode} {nic.link}{nic.vlan}"
