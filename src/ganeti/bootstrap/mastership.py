# SPDX-License-Identifier: BSD-2-Clause
"""Mastership: asking the nodes, and making this one the master (``gnt-cluster master-failover``).

A node that obeys a new master refuses the old one from then on, and stops being the master if it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from ganeti.config.configuration import read_state, record_of
from ganeti.config.mandate import voters
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import Store
from ganeti.errors import EnvironmentUnfit, GanetiError, NotInitialised, WrongState
from ganeti.host.certificates import node_name
from ganeti.host.clock import Clock
from ganeti.host.paths import Paths
from ganeti.host.tls import node_client
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.model.timing import LEASE
from ganeti.node.mastership import mark_whole, whole
from ganeti.node.membership import belongs_to, candidates, noted
from ganeti.rpc.authority import Term, read_term, write_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping, Pong, Standing, TellStanding
from ganeti.rpc.contract.store import Batch
from ganeti.rpc.http import HttpTransport

_PATIENCE = 6.0  # seconds, for a node that may be dead
_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Rules:
    """``voting``: a majority of the nodes must answer; ``count_offline``: those marked offline are counted too."""

    voting: bool = True
    count_offline: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that wants to become the master: its files, its store, a way to call nodes in a term."""

    name: str
    paths: Paths
    store: Store
    calling: Callable[[int], AbstractAsyncContextManager[NodeClient]]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Kept:
    """The state that a node keeps: its term, its revision, and digests of its content.

    ``noted``: the minimum position of a new master, as far as the node knows.
    """

    whole_in: int
    revision: int
    digests: Mapping[str, str]
    noted: tuple[int, int]

    @property
    def place(self) -> tuple[int, int]:
        return self.whole_in, self.revision

    def contradicts(self, other: _Kept) -> bool:
        """Whether two that should be equal are not."""
        return self.place == other.place and bool(self.digests) and self.digests != other.digests


@dataclass(frozen=True, slots=True)
class Elected:
    """The state with this node as the master. ``silent``: names of other candidates that did not obey."""

    state: State
    silent: tuple[str, ...]


def is_master(paths: Paths) -> bool:
    """Whether this node is the master as far as it knows."""
    term = read_term(paths.term)
    return term is not None and belongs_to(paths) is not None and term.master == _own_name(paths)


def _own_name(paths: Paths) -> str:
    return node_name(paths.node_certificate.read_bytes())


@dataclass(frozen=True, slots=True)
class Prospect:
    """A take-over that nothing stands against. ``first``: the term that it would begin; ``silent``: nodes."""

    state: State
    node: Node
    reachable: tuple[Node, ...]
    silent: tuple[str, ...]
    first: int


async def foreseen(paths: Paths, clock: Clock, rules: Rules) -> Prospect:
    """What ``take_over`` would do, as far as can be known before. Raises what it raises; changes nothing."""
    with _candidate(paths, clock) as candidate:
        return await _examined(candidate, rules)


async def take_over(paths: Paths, clock: Clock, rules: Rules) -> Elected:
    """Make this node the master of a new term; its master daemon can be started then.

    Raises a CheckFailed if it must not be; then the cluster's state is unchanged, though nodes may obey the new term.
    """
    with _candidate(paths, clock) as candidate:
        return await elect(candidate, rules)


@contextmanager
def _candidate(paths: Paths, clock: Clock) -> Iterator[Candidate]:
    """This node, if it may become the master."""
    own = _ensure_fit(paths)
    store = SqliteStore(paths.store)
    try:
        yield Candidate(own, paths, store, partial(calling, paths, own), clock)
    finally:
        store.close()


async def elect(candidate: Candidate, rules: Rules) -> Elected:
    """See ``take_over``."""
    prospect = await _examined(candidate, rules)
    node, reachable, first = prospect.node, prospect.reachable, prospect.first
    # Another candidate may claim the same term at this moment. It gets no majority, and the nodes that obey it must
    # not do so for ever: a second claim, with a higher term, wins them.
    for number in (first, first + 1):
        async with candidate.calling(number) as client:
            obeying = await _claim(client, node, reachable)
        _ensure_majority(rules, prospect.state, node, obeying, "obey this node")
        if len(obeying) == len(reachable):
            break
    async with candidate.calling(number) as client:
        # The old master may have continued until they obeyed.
        state, own = read_state(candidate.store), await _own(candidate)
        _ensure_newest(rules, await _ask(client, reachable), state, own)
        if state.master.uuid != node.uuid:
            await _outlast(client, state.master, obeying, rules)
    changed = evolve(
        state.cluster, master_node=node.uuid, serial_no=state.cluster.serial_no + 1, mtime=candidate.clock.now()
    )
    others = [other for other in state.nodes if other.uuid != node.uuid]
    silent = sorted({other.name for other in voters(others)} - obeying)
    term = Term(number, node.name, () if rules.voting else tuple(silent))
    # First, so that a state with this change is never considered the old master's.
    mark_whole(candidate.paths, term)
    await candidate.store.write([Batch(revision=own.revision + 1, records=(record_of(changed),))])
    write_term(candidate.paths.term, term)  # again: the node daemon does not know which nodes were declared off
    missing = tuple(other.name for other in state.candidates if other.name not in obeying and other.uuid != node.uuid)
    return Elected(state.changed([changed]), missing)


async def _examined(candidate: Candidate, rules: Rules) -> Prospect:
    """Raises WrongState."""
    known = read_term(candidate.paths.term) or Term(0, "")
    state, own = read_state(candidate.store), await _own(candidate)
    node = state.find(Node, candidate.name)
    others = [other for other in state.nodes if other.uuid != node.uuid]
    async with candidate.calling(known.number) as client:
        standings = await _ask(client, others)
    _ensure_not_master(state, node, known, rules, standings)
    _ensure_newest(rules, standings, state, own)
    _ensure_majority(rules, state, node, set(standings), "can be reached")
    return Prospect(
        state,
        node,
        reachable=tuple(other for other in others if other.name in standings),
        silent=tuple(sorted({other.name for other in voters(others)} - set(standings))),
        first=1 + max([known.number, *(standing.term for standing in standings.values())]),
    )


async def _own(candidate: Candidate) -> _Kept:
    kept = await candidate.store.digested()
    return _Kept(whole(candidate.paths), kept.revision, kept.digests, noted(candidate.paths))


async def _outlast(client: NodeClient, old: Node, obeying: AbstractSet[str], rules: Rules) -> None:
    """Wait until the old master can no longer acknowledge anything: it has stopped, or its last mandate has expired."""
    if old.name not in obeying and not rules.voting:
        return  # it was declared off
    loop = asyncio.get_running_loop()
    over = loop.time() + LEASE
    while loop.time() < over and (  # noqa: ASYNC110 - another node is asked
        old.name not in obeying or await _still_serving(client, old)
    ):
        await asyncio.sleep(_POLL)


async def _still_serving(client: NodeClient, old: Node) -> bool:
    try:
        return (await client.call(old, TellStanding())).serving
    except GanetiError:
        return True


async def _ask(client: NodeClient, nodes: Iterable[Node]) -> Mapping[str, Standing]:
    """The answers by name, of the nodes that answer in time."""

    async def one(node: Node) -> tuple[str, Standing | None]:
        try:
            async with asyncio.timeout(_PATIENCE):
                return node.name, await client.call(node, TellStanding(digests=True))
        except (GanetiError, TimeoutError):
            return node.name, None

    answers = await asyncio.gather(*(one(node) for node in nodes))
    return {name: standing for name, standing in answers if standing}


async def _claim(client: NodeClient, node: Node, others: Iterable[Node]) -> set[str]:
    """Announce the new term to the nodes, this one first; the names of the others that obey."""
    try:
        await client.call(node, Ping())
    except GanetiError as error:
        raise EnvironmentUnfit(f"The node daemon of this node must run (ganeti-noded): {error.message}") from None
    answers = await client.call_all(others, Ping())
    return {name for name, answer in answers.items() if isinstance(answer, Pong)}


def _ensure_fit(paths: Paths) -> str:
    """The name of this node, if it has the files that a master needs."""
    if not belongs_to(paths):
        raise NotInitialised("This node does not belong to a cluster")
    own = _own_name(paths)
    if own not in candidates(paths):
        raise WrongState(f"{own} is not a master candidate; these are: {', '.join(sorted(candidates(paths)))}")
    for needed in (paths.ca_key, paths.store):
        if not needed.exists():
            raise EnvironmentUnfit(f"This node lacks {needed}, which every master candidate must have")
    return own


def _ensure_not_master(state: State, node: Node, known: Term, rules: Rules, found: Mapping[str, Standing]) -> None:
    """Raise WrongState on the master itself, unless it begins a new term to go on without nodes that are off.

    It also may if nodes have heard of a newer term, in which another candidate's failover was interrupted; and a
    candidate that was itself interrupted may try again.
    """
    unrivalled = all(standing.term <= known.number for standing in found.values())
    if rules.voting and known.master == node.name and state.master.uuid == node.uuid and unrivalled:
        raise WrongState(
            f"{node.name} is the master already; run this on the node that is to become the master, or with "
            "--no-voting if it is to go on although most nodes are off"
        )


def _ensure_newest(rules: Rules, found: Mapping[str, Standing], state: State, own: _Kept) -> None:
    """Raise WrongState if there may be acknowledged changes that are not in this node's state.

    Without a vote only existing replicas count, not what might be lost.
    """
    names = {node.name for node in state.candidates}
    others = {name: _Kept(one.whole_in, one.revision, one.digests, one.noted) for name, one in found.items()}
    kept = {name: other for name, other in others.items() if name in names}
    best = max(kept, key=lambda name: kept[name].place, default=None)
    if best and kept[best].place > own.place:
        raise WrongState(
            f"{best} has a newer state of the cluster ({_shown(kept[best].place)}, here {_shown(own.place)}); run this "
            "there, or wait until the replica here has caught up"
        )
    notes = {"this node": own.noted} | {name: other.noted for name, other in others.items()}
    behind = [name for name, place in notes.items() if place > own.place]
    if rules.voting and behind:
        raise WrongState(
            f"The state of the cluster here ({_shown(own.place)}) is known to be behind "
            f"({_shown(notes[behind[0]])}, says {behind[0]}); run this on another master candidate. If none has "
            "a newer one, --no-voting goes on from here, and what was changed since is lost"
        )
    unlike = [name for name, other in kept.items() if other.contradicts(own)]
    if rules.voting and unlike:
        raise WrongState(
            f"The state of the cluster here and on {', '.join(unlike)} is of the same place ({_shown(own.place)}), and "
            "its content is another one; one of them is damaged. --no-voting goes on from the one here"
        )


def _shown(state: tuple[int, int]) -> str:
    return f"revision {state[1]} of term {state[0]}"


def _ensure_majority(rules: Rules, state: State, node: Node, others: set[str], what: str) -> None:
    """Raise WrongState if this node and the ``others`` are not more than half of the nodes that count."""
    # A node that is marked offline has no vote, not even this one: the old master goes on without it, so it must not
    # count against it.
    voices = {one.name for one in voters(state.nodes)}
    counted = {one.name for one in state.nodes} if rules.count_offline else voices
    agreeing = (others | {node.name}) & voices
    if rules.voting and 2 * len(agreeing) <= len(counted):
        silent = ", ".join(sorted(counted - agreeing - {node.name}))
        own = "" if node.name in voices else f"; {node.name} itself is marked offline and has no voice"
        raise WrongState(
            f"{len(agreeing)} of {len(counted)} nodes {what}, a majority is needed (no answer: {silent}{own}); if "
            "these are really down, use --no-voting to make this node the master anyway"
        )


@asynccontextmanager
async def calling(paths: Paths, own: str, term: int) -> AsyncIterator[NodeClient]:
    """A client that calls nodes on behalf of this one, in a term."""
    client = NodeClient(HttpTransport(node_client(paths)), own, lambda: term)
    try:
        yield client
    finally:
        await client.close()
