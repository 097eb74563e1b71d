# SPDX-License-Identifier: BSD-2-Clause
"""Addresses of a network that instances use although their NICs are not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ganeti.model.group import Group
from ganeti.model.guest import group_of
from ganeti.model.network import Network
from ganeti.model.state import State


def loose_addresses(state: State) -> Mapping[str, Mapping[str, str]]:
    """By UUID of the node group, the addresses of NICs outside of any network, with the name of the instance."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for instance in state.instances:
        group = group_of(state, instance)
        for nic in instance.nics if group else ():
            if group and nic.ip and not nic.network:
                found[group.uuid][nic.ip] = instance.name
    return found


def strangers(state: State, network: Network, groups: Iterable[Group]) -> dict[str, str]:
    """The addresses of a network that are used like that, in these node groups."""
    loose = loose_addresses(state)
    found = (item for group in groups for item in loose.get(group.uuid, {}).items())
    return {address: name for address, name in found if network.contains(address)}
