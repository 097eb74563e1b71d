# SPDX-License-Identifier: BSD-2-Clause
"""An instance as its export tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeti.model.export import Export, ExportedDisk, ExportedNic
from ganeti.model.guest import GuestNic, guest_of, hypervisor_parameters, os_parameters, public_os_parameters
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.hypervisor import CLUSTER_WIDE
from ganeti.model.state import State


def described(state: State, instance: Instance, source: Node, now: float) -> Export:
    """With all that it inherits. The dump of a disk is called by the disk's UUID."""
    guest = guest_of(state, instance)
    hvparams = hypervisor_parameters(state, instance.hypervisor, instance.os, instance.hvparams)
    public = public_os_parameters(state, instance)
    private = {name: value for name, value in os_parameters(state, instance).items() if name not in public}
    return Export(
        name=instance.name,
        os=instance.os,
        timestamp=now,
        source=source.uuid,
        disk_template=str(instance.disk_template),
        hypervisor=instance.hypervisor,
        tags=sorted(instance.tags),
        disks=tuple(
            ExportedDisk(
                size=disk.size,
                dump=disk.uuid,
                name=disk.name,
                mode=disk.mode,
                format=disk.format,
                **disk.limits.options,
            )
            for disk in instance.disks
        ),
        nics=tuple(_nic(nic) for nic in guest.nics if not nic.communicates),  # that one is of this cluster
        hvparams=_texts({name: value for name, value in hvparams.items() if name not in CLUSTER_WIDE}),
        beparams=_texts(as_mapping(guest.beparams)),
        osparams=public,
        osparams_private=private,
    )


def _nic(nic: GuestNic) -> ExportedNic:
    return ExportedNic(
        mac=nic.mac,
        ip=nic.ip,
        network=nic.network.uuid if nic.network else None,
        name=nic.name,
        link=nic.link,
        mode=nic.mode,
        vlan=nic.vlan,
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """As Ganeti spells them: True, None."""
    return {name: str(value) for name, value in values.items()}
