# SPDX-License-Identifier: BSD-2-Clause
"""Rename the cluster, and change its address accordingly."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ganeti.declare.command import Argument, Command
from ganeti.declare.operation import Hook
from ganeti.declare.parameter import param
from ganeti.declare.problems import Problems
from ganeti.declare.types import HostName
from ganeti.errors import GanetiError, NotUnique, WrongInput
from ganeti.jobs.context import CheckContext, RunContext
from ganeti.jobs.lockset import LockSet, all_exclusive
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.state import State
from ganeti.operations.cluster.facts import hand_out
from ganeti.rpc.contract.node import FindHolder, SaveFiles

_PING_PORT = 22


class ClusterRename(JobOperation[Cluster], frozen=True, kw_only=True, tag="OP_CLUSTER_RENAME"):
    """Rename the cluster. The new name must resolve to an address that no machine uses, or to the present one."""

    subject: ClassVar[str | None] = "name"
    hook: ClassVar[Hook | None] = Hook("cluster-rename", "CLUSTER")
    commands: ClassVar[tuple[Command, ...]] = (
        Command(
            "gnt-cluster",
            "rename",
            (Argument("name", "New name of the cluster, which resolves to an address of its own"),),
            usage="<new-name>",
            question=(
                "This renames the cluster to '{name}'. If the new name has another address, the present one is taken "
                "from the master node, and whoever is connected to it loses the connection. Continue?"
            ),
        ),
    )

    name: Annotated[HostName, param("New name of the cluster")]

    def locks(self, state: State) -> LockSet:
        del state
        return all_exclusive(Kind.CLUSTER)

    async def check(self, cluster: CheckContext) -> Cluster:
        old = cluster.state.cluster
        name, address = await cluster.resolver.resolve(self.name.lower(), old.primary_ip_version)
        if (name, address) == (old.name, old.master_ip):
            raise WrongInput(f"Parameter 'name': the cluster is named {name} already, and has its address, {address}")
        problems = Problems()
        with problems.noted():
            _ensure_name_free(cluster.state, name)
        with problems.noted():
            if address != old.master_ip:
                await _ensure_address_free(cluster, name, address)
        problems.tell()
        return evolve(old, name=name, master_ip=address)

    async def run(self, cluster: RunContext, plan: Cluster) -> str:
        await _certify(cluster, plan)
        cluster.step(f"Renaming {cluster.state.cluster.name} to {plan.name}")
        await cluster.commit([plan])
        await _tell(cluster)
        return plan.name

    async def recover(self, cluster: RunContext) -> None:
        """What depends on the name is updated by itself; until the new one is recorded, nothing has changed."""
        name = cluster.state.cluster.name
        cluster.warn(f"The name of the cluster is {name}; 'gnt-cluster rename' gives it another one")

    def hook_environment(self, state: State, plan: Cluster) -> dict[str, str]:
        return {"OP_TARGET": state.cluster.name, "NEW_NAME": plan.name}


def _ensure_name_free(state: State, name: str) -> None:
    for kind in (Kind.NODE, Kind.INSTANCE):
        if (kind, name) in state.names:
            raise NotUnique(f"Parameter 'name': {name} is the name of {kind.noun} {name}; the cluster needs its own")


async def _ensure_address_free(cluster: CheckContext, name: str, address: str) -> None:
    """Raise NotUnique if the address is in use, in the cluster or elsewhere on the master node's network."""
    state = cluster.state
    if holder := _known_holder(state, address):
        raise NotUnique(f"Parameter 'name': {name} has the address of {holder}, {address}; the cluster needs its own")
    if state.cluster.use_external_mip_script:
        return  # which may already have set it up
    device = state.cluster.master_netdev
    holder = await cluster.call(state.master, FindHolder(address=address, device=device))
    if not holder and await cluster.resolver.answers(address, _PING_PORT):
        holder = f"a machine that accepts connections at port {_PING_PORT}"
    if holder:
        raise NotUnique(f"Parameter 'name': the address of {name}, {address}, is in use already, by {holder}")


def _known_holder(state: State, address: str) -> str:
    """The node, or instance on the nodes' network, that has an address; empty if none has."""
    for node in state.nodes:
        if address in (node.primary_ip, node.migration_ip):
            return f"node {node.name}"
    for network in (network for network in state.networks if network.holds_nodes):
        if uuid := state.addresses_in(network).get(address):
            return f"instance {state.get(Instance, uuid).name}"
    return ""


async def _certify(cluster: RunContext, new: Cluster) -> None:
    """Give the remote API a certificate for the old and the new name, unless it has one of another CA.

    So clients accept it before and after the change, and it does no harm if the change fails.
    """
    from ganeti.operations.cluster.renewal import remote_api_certificate  # noqa: PLC0415 - slow to import

    names = tuple(dict.fromkeys((new.name, cluster.state.cluster.name)))
    certificate = await remote_api_certificate(cluster, names) if len(names) > 1 else ""
    if not certificate:
        return
    cluster.step(f"Replacing the remote API's certificate by one for {' and '.join(names)}")
    call = SaveFiles(files={"rapi.pem": certificate})
    await cluster.call(cluster.state.master, call)
    others = [node for node in cluster.state.candidates if node.uuid != new.master_node]
    for name, answer in (await cluster.call_all(others, call)).items():
        if isinstance(answer, GanetiError):
            cluster.warn(
                f"{name} did not take the remote API's certificate ({answer.message}); 'gnt-cluster redist-conf' "
                "brings it again"
            )


async def _tell(cluster: RunContext) -> None:
    """Distribute the new name, which is already recorded. Failures are retried automatically."""
    if cluster.state.cluster.use_external_mip_script:
        cluster.warn(f"The script that sets up the cluster's address has to set up {cluster.state.cluster.master_ip}")
    try:
        await cluster.settle_address()
    except GanetiError as error:
        cluster.warn(f"The new address is not up yet, which is tried again by itself: {error.message}")
    await hand_out(cluster)
