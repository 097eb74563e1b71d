# SPDX-License-Identifier: BSD-2-Clause
"""The present or new addresses of a node."""

from __future__ import annotations

from ganeti.errors import EnvironmentUnfit, NotUnique, WrongInput
from ganeti.jobs.context import CheckContext
from ganeti.model.instance import Instance
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import CheckAddress


def ensure_addresses_free(state: State, node: Node) -> None:
    """Raise NotUnique if a new address of a node belongs to another node, the cluster or an instance."""
    own = {node.primary_ip, node.migration_ip}
    if state.cluster.master_ip in own:
        raise NotUnique(f"The address {state.cluster.master_ip} is the cluster's, which moves along with the master")
    for other in state.nodes:
        if other.uuid != node.uuid and (taken := own & {other.primary_ip, other.migration_ip}):
            raise NotUnique(f"Node {other.name} has the address {min(taken)} already")
    for network in (network for network in state.networks if network.holds_nodes):
        used = state.addresses_in(network)
        if taken := own & set(used):
            instance = state.get(Instance, used[min(taken)])
            raise NotUnique(f"Instance {instance.name} has the address {min(taken)} already, in network {network.name}")


async def ensure_secondary_there(cluster: CheckContext, node: Node) -> None:
    """Raise WrongInput if a node reports that it lacks its secondary address; an offline one is not asked."""
    if not node.secondary_ip:
        return
    if node.offline:
        cluster.note(f"{node.name} is offline, so whether it has the address {node.secondary_ip} is not known")
        return
    try:
        await cluster.call(node, CheckAddress(address=node.secondary_ip))
    except EnvironmentUnfit as error:
        raise WrongInput(f"Parameter 'secondary_ip': {error.message}") from None
