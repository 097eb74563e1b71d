# SPDX-License-Identifier: BSD-2-Clause
"""What an operation can use while it is checked and while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ganeti.errors import GanetiError, in_words
from ganeti.model.entity import Entity
from ganeti.model.instance import Instance
from ganeti.model.job import Residue
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.state import State
from ganeti.rpc.call import Call, Line, Listener, Progress, encode_call
from ganeti.rpc.contract.store import Record

if TYPE_CHECKING:
    # Imported by the daemon only: commands, which import operations too, must start fast.
    from ganeti.config.address import ClusterAddress
    from ganeti.config.configuration import Configuration
    from ganeti.config.facts import Facts
    from ganeti.config.mandate import Mandate
    from ganeti.config.replication import Replication
    from ganeti.declare.field import Field
    from ganeti.host.clock import Clock
    from ganeti.jobs.locks import LockManager
    from ganeti.jobs.operation import JobOperation
    from ganeti.jobs.reservations import Reservations
    from ganeti.jobs.turns import Turns
    from ganeti.query.column import Table
    from ganeti.rpc.client import NodeClient
    from ganeti.rpc.watch import LiveView

R = TypeVar("R")

_log = logging.getLogger(__name__)

_UNDO_DEADLINE = 600.0  # seconds


class Random(Protocol):
    """Randomness, passed in so that tests repeat exactly."""

    def uuid(self) -> str: ...

    def octets(self, count: int) -> bytes: ...


class Resolver(Protocol):
    """Host names, passed in so that tests need no DNS."""

    async def resolve(self, name: str, version: int | None = None) -> tuple[str, str]:
        """(full name, address); ``version``: 4 or 6 to require that IP version. Raises ResolverError."""
        ...

    async def answers(self, address: str, port: int) -> bool:
        """Whether a machine is alive at an address."""
        ...


class Allocators(Protocol):
    """Programs that choose nodes, passed in so that tests need none."""

    def names(self) -> list[str]: ...

    async def ask(self, name: str, options: Sequence[str], message: bytes) -> bytes:
        """The answer of the program ``name`` to a message. Raises WrongInput or ExecutionFailed."""
        ...


class Lists(Protocol):
    """Everything that can be listed, by wire names."""

    async def query(self, what: str, fields: Sequence[str], condition: Any = None) -> Table:
        """The table of a kind of thing. Raises WrongInput for an unknown kind or an invalid filter."""
        ...

    def fields(self, what: str, names: Sequence[str] | None) -> list[Field]: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the master daemon provides to operations."""

    configuration: Configuration
    replication: Replication
    mandate: Mandate
    facts: Facts
    address: ClusterAddress
    locks: LockManager
    reservations: Reservations
    nodes: NodeClient
    live: LiveView
    clock: Clock
    random: Random
    resolver: Resolver
    allocators: Allocators
    problems: Callable[[], dict[str, str]]  # what could not be read from the store, and why
    candidate_files: Callable[[], dict[str, str]]  # what every master candidate must have, by name
    turns: Turns
    lists: Callable[[], Lists]


# Something created: what it is, on which node, and which call undoes it.
Thing = tuple[str, Node, Call[Any]]


class CheckContext:
    """Reads the cluster and its nodes."""

    def __init__(self, services: Services, job: JobRecord | None = None) -> None:
        self._services = services
        self._job = job

    def note(self, text: str) -> None:
        """A line in the job's log, if this runs in a job."""
        if self._job:
            self._job.log(f" - INFO: {text}")

    @property
    def state(self) -> State:
        return self._services.configuration.state

    @property
    def live(self) -> LiveView:
        return self._services.live

    @property
    def random(self) -> Random:
        return self._services.random

    @property
    def reservations(self) -> Reservations:
        return self._services.reservations

    @property
    def lists(self) -> Lists:
        return self._services.lists()

    @property
    def turns(self) -> Turns:
        """For long computations."""
        return self._services.turns

    def reserve(self, instance: Instance) -> None:
        """Reserve what an instance will use until this job ends."""
        self._services.reservations.hold(self._job.id if self._job else 0, instance)

    @property
    def resolver(self) -> Resolver:
        return self._services.resolver

    @property
    def allocators(self) -> Allocators:
        return self._services.allocators

    @property
    def now(self) -> float:
        return self._services.clock.now()

    async def replica_problems(self) -> Mapping[str, str]:
        """See Replication.problems."""
        return await self._services.replication.problems()

    @property
    def unreadable(self) -> Mapping[str, str]:
        """What of the stored state could not be read, and why."""
        return self._services.problems()

    @property
    def candidate_files(self) -> dict[str, str]:
        return self._services.candidate_files()

    def being_changed(self, kind: Kind) -> frozenset[str]:
        """The names of the objects that jobs are changing."""
        return self._services.locks.held_exclusively(kind)

    async def facts_settled(self, patience: float) -> None:
        """See Facts.settled."""
        await self._services.facts.settled(patience)

    @property
    def address_problem(self) -> str:
        """See ClusterAddress.problem."""
        return self._services.address.problem

    def ensure_own_address(self) -> None:
        """See ClusterAddress.ensure_ours."""
        self._services.address.ensure_ours()

    async def replica_caught_up(self, node: Node) -> None:
        """See Replication.caught_up."""
        await self._services.replication.caught_up(node.uuid)

    async def call(self, node: Node, call: Call[R]) -> R:
        """See NodeClient.call."""
        return await self._services.nodes.call(node, call)

    def certificate_of(self, node: Node) -> str:
        """See NodeClient.certificate_of."""
        return self._services.nodes.certificate_of(node)

    async def ask(self, node: Node, calls: Sequence[Call[Any]]) -> list[Any]:
        """See NodeClient.ask."""
        return await self._services.nodes.ask(node, calls)

    async def call_each(self, calls: Iterable[tuple[Node, Call[R]]]) -> Mapping[str, R | GanetiError]:
        """See NodeClient.call_each."""
        return await self._services.nodes.call_each(calls)

    async def call_all(self, nodes: Iterable[Node], call: Call[R]) -> Mapping[str, R | GanetiError]:
        """See NodeClient.call_all."""
        return await self._services.nodes.call_all(nodes, call)


class JobRecord(Protocol):
    """What a running operation tells its job."""

    @property
    def id(self) -> int: ...

    def log(self, text: str, kind: str = "message") -> None: ...

    def progress(self, progress: Progress | None) -> None: ...

    async def keep_residue(self, residue: tuple[Residue, ...]) -> None: ...

    def record_with(self, residue: tuple[Residue, ...]) -> Record: ...

    def has_kept(self, residue: tuple[Residue, ...]) -> None: ...

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]]) -> list[int]: ...


class RunContext(CheckContext):
    """Changes the cluster and its nodes, and reports progress."""

    def __init__(self, services: Services, job: JobRecord, residue: tuple[Residue, ...] = ()) -> None:
        super().__init__(services, job)
        self.job = job
        self._residue = residue
        self._spared = ""

    @property
    def residue(self) -> tuple[Residue, ...]:
        """What is undone, or done, if the operation ends now: see ``will_leave`` and ``commit``."""
        return self._residue

    def log(self, text: str) -> None:
        """A line that the user sees while the job runs."""
        self.job.log(text)

    def step(self, text: str) -> None:
        """The beginning of a stage, marked as Ganeti marks it."""
        self.job.log(f"* {text}")

    async def hand_out_facts(self) -> list[str]:
        """See Facts.handed_out."""
        return await self._services.facts.handed_out()

    async def hold_address(self, *, up: bool) -> None:
        """See ClusterAddress.hold."""
        await self._services.address.hold(up=up)

    async def settle_address(self) -> None:
        """See ClusterAddress.settle."""
        await self._services.address.settle()

    def warn(self, text: str) -> None:
        self.job.log(f" - WARNING: {text}")

    async def call(self, node: Node, call: Call[R], *, prefix: str = "") -> R:
        """See NodeClient.call; what the node says meanwhile becomes the job's log and progress."""
        try:
            return await self._services.nodes.call(node, call, self._listener(prefix))
        finally:
            self.job.progress(None)

    async def commit(
        self, puts: Iterable[Entity] = (), deletes: Iterable[Entity] = (), *, then: Iterable[Thing] = ()
    ) -> None:
        """See Configuration.commit. What was announced with ``will_leave`` belongs to the cluster from then on.

        ``then``: calls to make afterwards, as for ``will_leave``. They become durable with the change, so that they
        are made even if the master daemon dies before this operation gets there.
        """
        residue = tuple(_residue(thing) for thing in then)
        if self._residue == residue:
            await self._services.configuration.commit(puts, deletes)
            return
        await self._services.configuration.commit(puts, deletes, [self.job.record_with(residue)])
        self._residue = residue
        self.job.has_kept(residue)

    async def will_leave(self, *things: Thing) -> None:
        """Announce, before creating something, what it is and which call undoes it.

        It is durable when this returns: if the operation fails, or the master daemon dies, it is undone.
        """
        self._residue += tuple(_residue(thing) for thing in things)
        await self.job.keep_residue(self._residue)

    def spare(self, why: str) -> None:
        """Keep what would be undone, and name it with the reason; without one, undo it as usual."""
        self._spared = why

    async def undo_all(self) -> list[str]:
        """Make the calls of ``residue``, last first. Returns what could not be undone, as text."""
        left = []
        for residue in reversed(self._residue):
            if self._spared:
                left.append(f"{residue.what} ({self._spared})")
                continue
            try:
                node, said = self._node_of(residue), self._listener("")
                await self._services.nodes.send(node, residue.call, _UNDO_DEADLINE, said)
                self.log(f" - INFO: Undone: {residue.what}")
            except Exception as error:  # noqa: BLE001 - the others are undone, whatever is wrong with this one
                _log.warning("Job %d: %s is left: %s", self.job.id, residue.what, error)
                left.append(f"{residue.what} ({in_words(error)})")
        self._residue = ()
        return left

    def _node_of(self, residue: Residue) -> Node:
        """As the cluster knows it, or as the operation named it. Raises UnknownEntity."""
        if residue.address and residue.node not in self.state.entities[Kind.NODE]:
            return Node(uuid=residue.node, name=residue.name, primary_ip=residue.address, group="")
        return self.state.get(Node, residue.node)

    async def submit(self, jobs: Sequence[Sequence[JobOperation[Any]]]) -> list[int]:
        """Submit further jobs, each a list of operations; their numbers."""
        return await self.job.submit(jobs)

    def _listener(self, prefix: str) -> Listener:
        def listen(line: Line) -> None:
            if line.log is not None:
                self.job.log(f"{prefix}{line.log}")
            if line.progress is not None:
                self.job.progress(line.progress)

        return listen


def _residue(thing: Thing) -> Residue:
    what, node, call = thing
    return Residue(what=what, node=node.uuid, call=encode_call(call), name=node.name, address=node.primary_ip)
