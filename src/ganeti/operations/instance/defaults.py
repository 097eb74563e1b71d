# SPDX-License-Identifier: BSD-2-Clause
"""Drops overrides of an instance that equal the cluster's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ganeti.model.entity import evolve
from ganeti.model.guest import backend_parameters, guest_nic, hypervisor_parameters, os_parameters
from ganeti.model.instance import Instance
from ganeti.model.nic import Nic
from ganeti.model.parameters import as_mapping
from ganeti.model.state import State


def without_defaults(state: State, instance: Instance) -> Instance:
    """Without the overrides that equal the cluster's present parameters."""
    bare = evolve(instance, hvparams={}, beparams={}, osparams={}, osparams_private={})
    of_os = os_parameters(state, bare)
    return evolve(
        instance,
        hvparams=_others(instance.hvparams, hypervisor_parameters(state, instance.hypervisor, instance.os)),
        beparams=_others(instance.beparams, as_mapping(backend_parameters(state, bare))),
        osparams=_others(instance.osparams, of_os),
        osparams_private=_others(instance.osparams_private, of_os),
        nics=tuple(_nic(state, nic) for nic in instance.nics),
    )


def _nic(state: State, nic: Nic) -> Nic:
    usual = guest_nic(state, replace(nic, nicparams={}), None)
    return replace(nic, nicparams={name: v for name, v in nic.nicparams.items() if v != getattr(usual, name)})


def _others(own: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in own.items() if name not in usual or usual[name] != value}
