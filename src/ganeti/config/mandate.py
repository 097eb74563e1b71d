# SPDX-License-Identifier: BSD-2-Clause
"""How long a master may acknowledge changes: as long as no other master can have been elected meanwhile.

Nodes obey the newest term that they have heard of, and a candidate that takes over by a vote needs more than
half of those that count. So a master that at least half of them obeyed at some moment had not been replaced by then. It
asks them all the time, and acknowledges nothing on answers older than ``LEASE``; a new master waits as long before it
acknowledges anything. See decision 21.

And a new master must know everything that was acknowledged. When a replica is behind and may have the revision noted
last, or other nodes count from now on, at least half of the nodes note the new revision durably before anything more is
acknowledged. A candidate with an older one, which may know neither the change nor which nodes count, finds nodes in any
majority that tell it so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from ganeti.errors import GanetiError, RivalTerm, StaleTerm, StoreFailed
from ganeti.model.node import Node
from ganeti.model.timing import BEAT, LEASE
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Obey

_log = logging.getLogger(__name__)


def voters(nodes: Iterable[Node], vouched: Collection[str] = ()) -> list[Node]:
    """The nodes that count: those that are not marked offline, nor known to be off (``vouched``, by name)."""
    return [node for node in nodes if not node.offline and node.name not in vouched]


@dataclass(frozen=True, slots=True)
class _Note:
    """A revision that at least half of the nodes ``among`` have to record."""

    revision: int
    among: frozenset[str]


class Mandate:
    """Of one master, which votes for itself. ``nodes`` gives all nodes of the cluster with the master.

    ``vouched``: names of nodes that the administrator has declared off, when the master took over without a vote; one
    that answers counts again, and ``returned`` is called with its name.
    """

    def __init__(
        self,
        client: NodeClient,
        own: str,
        nodes: Callable[[], Iterable[Node]],
        vouched: Collection[str] = (),
        returned: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._own = own
        self._nodes = nodes
        self._vouched = set(vouched)
        self._returned = returned
        self._obeyed: dict[str, float] = {}  # when each node that obeyed was asked, by name
        self._noted: dict[str, int] = {}  # the revision that a node has noted, by name
        self._notes: list[_Note] = []  # not recorded by enough nodes yet
        self._counting: frozenset[str] | None = None  # the nodes that counted at the last check, by name
        self._disbelieved: set[str] = set()  # nodes that, unlike the others, reported another master
        self._hurry = asyncio.Event()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._asked: set[str] = set()  # the nodes whose first call has ended, successfully or not, by name
        self._current: dict[str, Node] = {}  # the nodes that are being asked, in their present version, by name
        self._news = asyncio.Event()
        self._lost: StaleTerm | None = None

    def refresh(self, revision: int = 0) -> None:
        """Begin to ask new nodes, and drop removed ones; ``revision`` is the one that changed them."""
        wanted = {node.name: node for node in self._nodes() if node.name != self._own}
        for name in self._asking.keys() - wanted.keys():
            self._asking.pop(name).cancel()
            self._obeyed.pop(name, None)
        self._current = wanted
        for name in wanted:
            if name not in self._asking:
                self._asking[name] = asyncio.create_task(self._ask(name), name=f"mandate {name}")
        before, self._counting = self._counting, self._voters()
        if before is not None and before != self._counting:
            self._require(_Note(revision, before & (wanted.keys() | {self._own})))
        self._tell()

    def replica_is_behind(self, revision: int) -> None:
        """A replica may lack ``revision``: nothing is acknowledged until enough nodes have noted it."""
        self._require(_Note(revision, self._voters()))

    def contradicted(self, node: Node, why: StaleTerm | RivalTerm) -> bool:
        """A node reports another master, a newer one or one of the same term; whether that is believed.

        A candidate that knows of a newer one is believed, for it could make itself the master. So is a node that was
        declared off, if this master owes its majority to such declarations: the others may have voted without it. From
        any other node's report it only follows that all earlier answers may be out of date: at least half of the nodes
        have to confirm again.
        """
        newer = isinstance(why, StaleTerm)
        if (newer and node.master_candidate) or (self._is_absent(node) and not self._has_most_of_all()):
            self._lost = StaleTerm(why.message)
            self._tell()
            return True
        if not newer:
            return False  # it obeys a candidate that lost against this master, or began at the same moment
        self._obeyed.pop(node.name, None)
        if node.name not in self._disbelieved:
            _log.warning("Node %s says that there is another master; asking the others: %s", node.name, why.message)
            self._disbelieved.add(node.name)
            self._obeyed.clear()
            self._ask_at_once()
        return False

    async def stop(self) -> None:
        for task in self._asking.values():
            task.cancel()
        if self._asking:
            await asyncio.wait(self._asking.values())
        self._asking.clear()

    def silent(self) -> list[str]:
        """The names of the nodes that count and have not obeyed within the lease."""
        now = asyncio.get_running_loop().time()
        return [
            node.name
            for node in voters(self._nodes(), self._vouched)
            if node.name != self._own and self._obeyed.get(node.name, float("-inf")) + LEASE <= now
        ]

    @property
    def holds(self) -> bool:
        """Whether at least half of the nodes that count obey, and have noted what they must: enough to go on."""
        self._notes = [note for note in self._notes if not self._taken(note)]
        return not self._notes and 2 * len(self.silent()) <= len(self._voters())

    async def won(self) -> None:
        """Return when more than half of the nodes obey: enough to begin. Raises StaleTerm.

        If the majority depends on nodes that were declared off, these are asked first, in case they are not.
        """
        while 2 * len(self.silent()) >= len(self._voters()) or not (self._has_most_of_all() or self._all_asked()):
            await self._news_came()

    async def confirmed(self) -> None:
        """Return when at least half of the nodes obey. Raises StoreFailed if that takes long, StaleTerm."""
        if self.holds and not self._lost:
            return
        try:
            async with asyncio.timeout(LEASE):
                await self.held()
        except TimeoutError:
            raise self.cut_off() from None

    def cut_off(self) -> StoreFailed:
        """The error when too few nodes have obeyed for long."""
        return StoreFailed(
            f"This master is cut off: {', '.join(self.silent()) or 'too many nodes'} do not answer, so another one may "
            "have taken over; nothing is changed until at least half of the nodes answer. If they are off for sure, "
            "'gnt-cluster master-failover --no-voting' on this node lets it go on without them"
        )

    async def held(self) -> None:
        """Return when at least half of the nodes obey, however long that takes. Raises StaleTerm."""
        while True:
            if self._lost:
                raise self._lost
            if self.holds:
                return
            await self._news_came()

    def _is_absent(self, node: Node) -> bool:
        """Whether it was declared off."""
        return node.offline or node.name in self._vouched

    def _has_most_of_all(self) -> bool:
        """Whether more than half of all nodes obey, those declared off included in the total: no others can vote."""
        all_nodes, silent = list(self._nodes()), set(self.silent())
        obeying = [node for node in all_nodes if not self._is_absent(node) and node.name not in silent]
        return 2 * len(obeying) > len(all_nodes)

    def _all_asked(self) -> bool:
        """Whether every node has answered, or has been silent for as long as a call takes."""
        return self._asked >= self._asking.keys()

    async def _ask(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # Taken before the call: if ``_ask_at_once`` comes while it is under way, another one follows at once.
            asked, hurry = loop.time(), self._hurry
            note = max((note.revision for note in self._notes), default=0)
            try:
                await self._client.call(self._current[name], Obey(noted=note))
            except GanetiError as error:
                _log.debug("Node %s does not obey: %s", name, error.message)
            except Exception:  # noqa: BLE001 - whatever a node does, it is asked again
                _log.exception("Node %s cannot be asked whether it obeys", name)
            else:
                self._take(name, asked, note)
            if name not in self._asked:
                self._asked.add(name)
                self._tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await hurry.wait()

    def _take(self, name: str, asked: float, note: int) -> None:
        self._obeyed[name] = asked
        self._noted[name] = max(note, self._noted.get(name, 0))
        self._disbelieved.discard(name)
        if name in self._vouched:
            self._vouched.discard(name)
            self._returned(name)
        self._tell()

    def _require(self, note: _Note) -> None:
        self._notes.append(note)
        self._ask_at_once()

    def _taken(self, note: _Note) -> bool:
        by = sum(1 for name in note.among if name == self._own or self._noted.get(name, 0) >= note.revision)
        return 2 * by >= len(note.among)

    def _voters(self) -> frozenset[str]:
        return frozenset(node.name for node in voters(self._nodes(), self._vouched))

    def _ask_at_once(self) -> None:
        self._hurry.set()
        self._hurry = asyncio.Event()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _news_came(self) -> None:
        await self._news.wait()
        if self._lost:
            raise self._lost
