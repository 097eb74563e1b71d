# SPDX-License-Identifier: BSD-2-Clause
"""How long a master may say yes: as long as no other one can have been made meanwhile.

Nodes obey the newest term that they have heard of, and a candidate that takes over by a vote needs more than
half of those that count. So a master that was obeyed by at least half of them a moment ago has not been
replaced a moment ago. It asks them all the time, and acknowledges nothing on older news than ``LEASE``; who
takes over waits as long before it acknowledges anything. See decision 21.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from ganeti.errors import GanetiError, StaleTerm, StoreFailed
from ganeti.model.node import Node
from ganeti.model.timing import BEAT, LEASE
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping

_log = logging.getLogger(__name__)


def voters(nodes: Iterable[Node], vouched: Collection[str] = ()) -> list[Node]:
    """The nodes that count: those that are not marked offline, nor known to be off (``vouched``, by name)."""
    return [node for node in nodes if not node.offline and node.name not in vouched]


class Mandate:
    """Of one master, which counts for itself. ``nodes`` gives all nodes of the cluster with the master.

    ``vouched``: names of nodes of which somebody has said that they are off, when the master took over without
    a vote; one that answers counts again, and ``returned`` is told its name.
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
        self._obeyed: dict[str, float] = {}  # when a node was asked that has obeyed, by name
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._lost: StaleTerm | None = None

    def refresh(self) -> None:
        """Begin to ask new nodes, and let go of those that are gone."""
        wanted = {node.name: node for node in self._nodes() if node.name != self._own}
        for name in self._asking.keys() - wanted.keys():
            self._asking.pop(name).cancel()
            self._obeyed.pop(name, None)
        for name, node in wanted.items():
            if name not in self._asking:
                self._asking[name] = asyncio.create_task(self._ask(node), name=f"mandate {name}")
        self._tell()

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
        """Whether at least half of the nodes that count obey: enough to go on."""
        return 2 * len(self.silent()) <= self._counting

    async def won(self) -> None:
        """Return when more than half of the nodes obey: enough to begin. Raises StaleTerm."""
        while 2 * len(self.silent()) >= self._counting:
            await self._news_came()

    async def confirmed(self) -> None:
        """Return when at least half of the nodes obey. Raises StoreFailed if that takes long, StaleTerm."""
        try:
            async with asyncio.timeout(LEASE):
                await self.held()
        except TimeoutError:
            raise StoreFailed(
                f"This master is cut off: {', '.join(self.silent())} do not answer, so another one may have taken "
                "over; nothing is changed until at least half of the nodes answer. If they are off for sure, "
                "'gnt-cluster master-failover --no-voting' on this node lets it go on without them"
            ) from None

    async def held(self) -> None:
        """Return when at least half of the nodes obey, however long that takes. Raises StaleTerm."""
        while True:
            if self._lost:
                raise self._lost
            if self.holds:
                return
            await self._news_came()

    def lose(self, why: StaleTerm) -> None:
        """A newer master is obeyed somewhere: this one has nothing to say any more."""
        self._lost = why
        self._tell()

    async def _ask(self, node: Node) -> None:
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time()
            try:
                await self._client.call(node, Ping())
            except GanetiError as error:
                _log.debug("Node %s does not obey: %s", node.name, error.message)
            else:
                self._obeyed[node.name] = asked
                if node.name in self._vouched:
                    self._vouched.discard(node.name)
                    self._returned(node.name)
                self._tell()
            await asyncio.sleep(BEAT)

    @property
    def _counting(self) -> int:
        return len(voters(self._nodes(), self._vouched))

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _news_came(self) -> None:
        await self._news.wait()
        if self._lost:
            raise self._lost
