# SPDX-License-Identifier: BSD-2-Clause
"""Who is the master: asking the nodes, and making this one the master (``gnt-cluster master-failover``).

A node that obeys a new master refuses the old one from then on, and stops being the master if it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ganeti.config.configuration import read_state, record_of
from ganeti.config.sqlite import SqliteStore
from ganeti.errors import EnvironmentUnfit, GanetiError, NodeCallFailed, NotInitialised, NotMaster, WrongState
from ganeti.host.certificates import client_context, node_name
from ganeti.host.clock import Clock
from ganeti.host.paths import Paths
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.node.membership import belongs_to, candidates
from ganeti.rpc.authority import Term, read_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping, Pong, Standing, TellStanding
from ganeti.rpc.contract.store import Batch
from ganeti.rpc.http import HttpTransport

_PATIENCE = 6.0  # seconds, for a node that may be dead
_GLANCE = 2.0  # seconds, for a master daemon that starts


@dataclass(frozen=True, slots=True)
class Rules:
    """``voting``: a majority of the nodes must answer; ``count_offline``: those marked offline are counted too."""

    voting: bool = True
    count_offline: bool = True


async def ensure_not_replaced(client: NodeClient, nodes: Iterable[Node], term: int) -> None:
    """Raise NotMaster if one of the nodes knows of a newer master. Those that are silent are not waited for."""
    for name, standing in (await _ask(client, nodes, _GLANCE)).items():
        if standing.term > term:
            raise NotMaster(f"{standing.master} is the master, in term {standing.term}, as {name} says")


async def take_over(paths: Paths, clock: Clock, rules: Rules) -> State:
    """Make this node the master of a new term; its master daemon can be started then.

    Raises a CheckFailed if it must not be; nothing has changed then.
    """
    own = _ensure_fit(paths)
    store = SqliteStore(paths.store)
    try:
        state, revision = read_state(store), store.position().revision
        known = read_term(paths.term) or Term(0, "")
        node = _ensure_not_master(state, own, known)
        others = [other for other in state.nodes if other.uuid != node.uuid]
        async with _calling(paths, own, known.number) as client:
            found = await _ask(client, others, _PATIENCE)
        _ensure_newest(found, state, revision)
        _ensure_majority(rules, state, node, set(found), "can be reached")
        number = 1 + max([known.number, *(standing.term for standing in found.values())])
        async with _calling(paths, own, number) as client:
            obeying = await _claim(client, node, [other for other in others if other.name in found])
        _ensure_majority(rules, state, node, obeying, "obey this node")
        cluster = state.cluster
        change = {"master_node": node.uuid, "serial_no": cluster.serial_no + 1, "mtime": clock.now()}
        changed = evolve(cluster, **change)
        await store.write([Batch(revision=revision + 1, records=(record_of(changed),))])
        return state.changed([changed])
    finally:
        store.close()


async def _ask(client: NodeClient, nodes: Iterable[Node], patience: float) -> Mapping[str, Standing]:
    """By name, of the nodes that answer within ``patience`` seconds."""
    asked = {node.name: asyncio.create_task(client.call(node, TellStanding())) for node in nodes}
    if asked:
        await asyncio.wait(asked.values(), timeout=patience)
    found = {}
    for name, task in asked.items():
        if not task.done():
            task.cancel()
        elif not isinstance(task.exception(), GanetiError):
            found[name] = task.result()
    return found


async def _claim(client: NodeClient, node: Node, others: Iterable[Node]) -> set[str]:
    """Tell the nodes of the new term, this one first; the names of the others that obey."""
    try:
        await client.call(node, Ping())
    except NodeCallFailed as error:
        raise EnvironmentUnfit(f"The node daemon of this node must run (ganeti-noded): {error.message}") from None
    answers = await client.call_all(others, Ping())
    return {name for name, answer in answers.items() if isinstance(answer, Pong)}


def _ensure_fit(paths: Paths) -> str:
    """The name of this node, if it has what a master needs."""
    if not belongs_to(paths):
        raise NotInitialised("This node belongs to no cluster")
    own = node_name(paths.node_certificate.read_bytes())
    if own not in candidates(paths):
        raise WrongState(f"{own} is no master candidate; those are {', '.join(sorted(candidates(paths)))}")
    for needed in (paths.ca_key, paths.store):
        if not needed.exists():
            raise EnvironmentUnfit(f"This node lacks {needed}, which every master candidate must have")
    return own


def _ensure_not_master(state: State, own: str, term: Term) -> Node:
    """This node. One that was interrupted while it took over may do so again."""
    if term.master == own and state.master.name == own:
        raise WrongState(f"{own} is the master already; run this on the node that is to become the master")
    return state.find(Node, own)


def _ensure_newest(found: Mapping[str, Standing], state: State, revision: int) -> None:
    kept = {node.name for node in state.candidates}
    newer = {name: standing.revision for name, standing in found.items() if name in kept}
    best = max(newer, key=lambda name: newer[name], default=None)
    if best and newer[best] > revision:
        raise WrongState(
            f"{best} has a newer state of the cluster (revision {newer[best]}, here {revision}); run this there, "
            "or wait until the replica here has caught up"
        )


def _ensure_majority(rules: Rules, state: State, node: Node, others: set[str], what: str) -> None:
    """Raise WrongState if this node and the ``others`` are not more than half of the nodes that count."""
    voters = {one.name for one in state.nodes if rules.count_offline or not one.offline} | {node.name}
    agreeing = (others | {node.name}) & voters
    if rules.voting and 2 * len(agreeing) <= len(voters):
        silent = ", ".join(sorted(voters - agreeing))
        raise WrongState(
            f"{len(agreeing)} of {len(voters)} nodes {what}, a majority is needed (missing: {silent}); if these are "
            "really down, --no-voting makes this node the master all the same"
        )


@asynccontextmanager
async def _calling(paths: Paths, own: str, term: int) -> AsyncIterator[NodeClient]:
    context = client_context(paths.node_certificate, paths.node_key, paths.ca_certificate)
    client = NodeClient(HttpTransport(context), own, lambda: term)
    try:
        yield client
    finally:
        await client.close()
