# SPDX-License-Identifier: BSD-2-Clause
"""Addresses of a network that instances have though their network cards are not in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from ganeti.model.guest import group_of
from ganeti.model.network import Network
from ganeti.model.state import State


def loose_addresses(state: State) -> Mapping[str, Mapping[str, str]]:
    """By UUID of the node group, the addresses of cards that are in no network, with the name of the instance."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for instance in state.instances:
        group = group_of(state, instance)
        for nic in instance.nics if group else ():
            if group and nic.ip and not nic.network:
                found[group.uuid][nic.ip] = instance.name
    return found


def strangers(state: State, network: Network, groups: Collection[str]) -> dict[str, str]:
    """The addresses of a network that are such, in the node groups of these UUIDs."""
    loose = loose_addresses(state)
    return {
        address: name for group in groups for address, name in loose.get(group, {}).items() if network.contains(address)
    }


def connected_groups(state: State, network: Network) -> frozenset[str]:
    """UUIDs of the node groups that a network is connected to."""
    return frozenset(group.uuid for group in state.groups if network.uuid in group.networks)
