# SPDX-License-Identifier: BSD-2-Clause
"""How guests reach the metadata daemon of their node (Ganeti's OS installation redesign, "Communication mechanism").

A network card communicates if it is in the cluster's network for that: the node groups connect it in a way of its own.
"""

from __future__ import annotations

from ganeti.errors import WrongInput, WrongState
from ganeti.model.cluster import Cluster
from ganeti.model.entity import Entity, evolve
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.network import Network
from ganeti.model.nic import COMMUNICATION_ADDRESS, COMMUNICATION_LINK, COMMUNICATION_SUBNET, Nic
from ganeti.model.pool import pool_of
from ganeti.model.spans import numbers_of, spans_of
from ganeti.model.state import State

NIC_PREFIX = "ganeti:communication:"  # before the instance's name: what its card is called
CONNECTION = {"mode": "routed", "link": COMMUNICATION_LINK}
_MAC_PREFIX = "52:54:00"
# The daemon's own address, and those that RFC 3927 keeps for later use.
_RESERVED = spans_of(numbers_of(["169.254.0.0-169.254.0.255", COMMUNICATION_ADDRESS, "169.254.255.0-169.254.255.255"]))


def communication_network(state: State) -> Network | None:
    """The network that such cards are in; None if the cluster has none."""
    uuid = state.names.get((Kind.NETWORK, state.cluster.instance_communication_network))
    return state.get(Network, uuid) if uuid else None


def communication_cards(state: State, instance: Instance) -> list[Nic]:
    network = communication_network(state)
    return [nic for nic in instance.nics if network and nic.network == network.uuid]


def renamed_card(nic: Nic, old: str, new: str) -> Nic:
    """The card of an instance that is renamed."""
    return evolve(nic, name=f"{NIC_PREFIX}{new}") if nic.name == f"{NIC_PREFIX}{old}" else nic


def with_network(state: State, cluster: Cluster, uuid: str) -> tuple[Entity, ...]:
    """What else the configuration needs when the cluster is to be so: the network, and the ways of groups to it.

    ``uuid``: of the network, if it has to be made. Raises WrongInput or WrongState.
    """
    former = communication_network(state)
    name = cluster.instance_communication_network
    if former and former.name != name:
        _ensure_unused(state, former)
    if not name:
        return ()
    known = next((network for network in state.networks if network.name == name), None)
    if known:
        ensure_suitable(state, known)
    network = known or Network(
        uuid=uuid,
        name=name,
        network=COMMUNICATION_SUBNET,
        mac_prefix=_MAC_PREFIX,
        reserved=_RESERVED,
        holds_nodes=False,
    )
    groups = [evolve(group, networks={**group.networks, network.uuid: CONNECTION}) for group in state.groups]
    changed = [group for group in groups if group.networks != state.get(Group, group.uuid).networks]
    return (*(() if known else (network,)), *changed)


def ensure_suitable(state: State, network: Network) -> None:
    """Raise WrongInput or WrongState if a network cannot be the one for communication."""
    what = f"Network {network.name} cannot be for communication with guests"
    limits = Network(uuid="", name="", network=COMMUNICATION_SUBNET)
    if not network.subnet.subnet_of(limits.subnet):
        raise WrongInput(f"{what}: {network.network} is not within {COMMUNICATION_SUBNET}; name one that there is not")
    if network.gateway:
        raise WrongInput(f"{what}: it has a gateway; 'gnt-network modify --gateway=none {network.name}' takes it away")
    if network.contains(COMMUNICATION_ADDRESS) and not pool_of(state, network).keeps(COMMUNICATION_ADDRESS):
        raise WrongInput(
            f"{what}: {COMMUNICATION_ADDRESS} must be for no guest; 'gnt-network modify "
            f"--add-reserved-ips={COMMUNICATION_ADDRESS} {network.name}' reserves it"
        )
    for group in state.groups_with(network):
        if group.networks[network.uuid] != CONNECTION:
            raise WrongState(
                f"{what}: node group {group.name} is connected to it in another way; "
                f"'gnt-network disconnect {network.name} {group.name}' disconnects it"
            )


def ensure_not_for_communication(state: State, network: Network) -> None:
    """Raise WrongState for the cluster's network for communication, which all node groups must have."""
    if network == communication_network(state):
        raise WrongState(
            f"Network {network.name} is the cluster's for communication with guests; "
            "'gnt-cluster modify --instance-communication-network=' gives it up"
        )


def _ensure_unused(state: State, network: Network) -> None:
    if users := sorted(instance.name for instance in state.instances if network.uuid in instance.networks):
        raise WrongState(
            f"Parameter 'instance_communication_network': network {network.name} is used by instance "
            f"{', '.join(users)}; 'gnt-instance modify --communication=no' takes the card for it away"
        )
