# SPDX-License-Identifier: BSD-2-Clause
"""The card by which a guest reaches the metadata daemon of its node (gnt-instance(8), "--communication")."""

from __future__ import annotations

from ganeti.declare.types import MOST_NICS
from ganeti.errors import WrongInput, WrongState
from ganeti.model.communication import NIC_PREFIX, communication_cards, communication_network
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.state import State
from ganeti.operations.instance.device_changes import LAST
from ganeti.operations.instance.nic_changes import NicChange, NicValues
from ganeti.operations.instance.nics import POOL, NicRequest


def with_card(state: State, name: str, others: list[NicRequest]) -> list[NicRequest]:
    """The cards of a new instance, with that one behind ``others``. Raises WrongState or WrongInput."""
    network = _network(state)
    if len(others) == MOST_NICS:
        raise WrongInput(
            f"Parameter 'instance_communication': it takes a NIC of its own, and there are {MOST_NICS} already, "
            "which is as many as there can be"
        )
    return [*others, NicRequest(network=network.name, ip=POOL, name=f"{NIC_PREFIX}{name}")]


def changes(state: State, instance: Instance, wanted: bool | None) -> list[NicChange]:
    """What gives the card to an instance, or takes it away; nothing if it is as it is ``wanted``. Raises WrongState."""
    present = communication_cards(state, instance)
    if wanted is False:
        return [NicChange("remove", nic.uuid, NicValues()) for nic in present]
    if wanted is None or present:
        return []
    values = NicValues(network=_network(state).name, ip=POOL, name=f"{NIC_PREFIX}{instance.name}")
    return [NicChange("add", LAST, values)]


def _network(state: State) -> Network:
    found = communication_network(state)
    if found is None:
        raise WrongState(
            "Parameter 'instance_communication': the cluster has no network for communication with guests; "
            "'gnt-cluster modify --instance-communication-network=NAME' makes one"
        )
    return found
