# SPDX-License-Identifier: BSD-2-Clause
"""The pool of master candidates: nodes that keep a replica of the state and may become master."""

from __future__ import annotations

from ganeti.errors import GanetiError
from ganeti.jobs.context import RunContext
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.contract.node import ForgetCandidacy, SaveFiles


def eligible(node: Node) -> bool:
    return node.master_capable and not node.offline and not node.drained


def promotions(state: State, without: Node | None = None) -> list[Node]:
    """The nodes to promote so that the pool is full again; ``without`` one that leaves it."""
    gone = without.uuid if without else None
    nodes = [node for node in state.nodes if node.uuid != gone and eligible(node)]
    missing = min(state.cluster.candidate_pool_size, len(nodes)) - sum(1 for node in nodes if node.master_candidate)
    return [node for node in nodes if not node.master_candidate][: max(missing, 0)]


def warn_of_few(cluster: RunContext) -> None:
    """Warn if the pool is smaller than it should be although other nodes could be in it."""
    if missing := len(promotions(cluster.state)):
        now = len(cluster.state.candidates)
        cluster.warn(
            f"There are {now} master candidates, {missing} fewer than there should be; 'gnt-node modify -C yes' or "
            "'gnt-cluster modify --candidate-pool-size' changes that. Fewer candidates survive fewer accidents"
        )


async def promote(cluster: RunContext, nodes: list[Node], *changed: Node) -> None:
    """Make nodes master candidates and give them what a candidate needs; ``changed``: others, at the same time."""
    if not nodes and not changed:
        return
    for node in nodes:
        cluster.log(f"Promoting node {node.name} to master candidate")
        await equip(cluster, node)
    promoted = [evolve(cluster.state.get(Node, node.uuid), master_candidate=True) for node in nodes]
    await cluster.commit([*promoted, *changed])
    for node in nodes:
        await catch_up(cluster, node)


async def equip(cluster: RunContext, node: Node) -> None:
    """Give a node the files that every candidate has: the CA's key, the remote API's certificate and users.

    They are removed again unless it is committed as a candidate.
    """
    if node.uuid == cluster.state.cluster.master_node:
        return
    if node.uuid not in {candidate.uuid for candidate in cluster.state.candidates}:
        await cluster.will_leave((f"the files of a master candidate on {node.name}", node, ForgetCandidacy()))
    await cluster.call(node, SaveFiles(files=cluster.candidate_files))


async def catch_up(cluster: RunContext, node: Node) -> None:
    """Give a new candidate its replica; a failure is only a warning, as it is retried in the background."""
    if node.uuid == cluster.state.cluster.master_node:
        return
    try:
        await cluster.replica_caught_up(node)
    except GanetiError as error:
        cluster.warn(error.message)


async def relieve(cluster: RunContext, node: Node) -> None:
    """Have a former candidate remove what only candidates may have; warn if it could not."""
    if node.offline:
        cluster.warn(f"Node {node.name} is not asked, since it is offline. {still_has(node)}")
        return
    try:
        await cluster.call(node, ForgetCandidacy())
    except GanetiError as error:
        cluster.warn(f"{error.message}. {still_has(node)}")


def still_has(node: Node) -> str:
    """A message: what a former candidate keeps until it can be reached, and what that means."""
    return (
        f"{node.name} still has the key of the cluster's CA, the remote API's certificate and users, and a copy of the "
        "cluster's state, and is made to forget them when it is back online. If it may have fallen into other hands, "
        "renew the cluster's keys ('Stolen keys' in the security manual, docs/user/security.md)"
    )
