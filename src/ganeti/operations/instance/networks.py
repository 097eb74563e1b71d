# SPDX-License-Identifier: BSD-2-Clause
"""Whether the networks of an instance's NICs are available on its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ganeti.errors import UnknownEntity, WrongInput, WrongState
from ganeti.jobs.lockset import LockSet, shared
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.node import Node
from ganeti.model.state import State


def ensure_connected(state: State, instance: Instance) -> None:
    """Raise WrongState if a network of the instance is not connected to the groups of all its nodes."""
    if missing := list(cut_off(state, instance)):
        raise WrongState("\n".join(missing))


def cut_off(state: State, instance: Instance) -> Iterator[str]:
    """Which of its networks the groups of its nodes lack, as text."""
    for group in sorted({state.get(Node, uuid).group for uuid in instance.nodes}):
        yield from not_connected(state, instance, state.get(Group, group))


def not_connected(state: State, instance: Instance, group: Group) -> Iterator[str]:
    """Which of an instance's networks a node group lacks, as text."""
    for network in sorted(state.get(Network, uuid).name for uuid in instance.networks if uuid not in group.networks):
        yield (
            f"Network {network}, which {instance.name} uses, is not connected to node group {group.name}; "
            f"'gnt-network connect {network} {group.name}' connects it"
        )


def ensure_no_conflict(state: State, instance: Instance) -> None:
    """Raise WrongInput if a NIC outside of any network has an address of one that the node group is connected to."""
    group = state.get(Group, state.get(Node, instance.primary_node).group)
    networks = [state.get(Network, uuid) for uuid in group.networks]
    for index, nic in enumerate(instance.nics):
        found = [network.name for network in networks if nic.ip and not nic.network and network.contains(nic.ip)]
        if found:
            raise WrongInput(
                f"NIC {index}: IP address {nic.ip} belongs to network {', '.join(found)}, which node group "
                f"{group.name} is connected to; give network={found[0]} too, or use --no-conflicts-check"
            )


def network_locks(state: State, names: Iterable[str]) -> LockSet:
    """Keep the networks as they are meanwhile. No locks for unknown ones; the check reports them."""
    found = set()
    for name in names:
        try:
            found.add(state.find(Network, name).name)
        except (UnknownEntity, WrongInput):
            continue
    return shared(Kind.NETWORK, *sorted(found))
