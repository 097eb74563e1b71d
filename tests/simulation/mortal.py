# SPDX-License-Identifier: BSD-2-Clause
"""A cluster whose master can die at any moment, and start again from what is stored."""

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import Any

import msgspec

from ganeti.errors import NodeUnreachable, StoreFailed
from ganeti.rpc.call import request_decoder
from ganeti.rpc.memory import MemoryTransport
from tests.cluster.paper import PaperCluster

# Calls that the master makes on its own account, whatever it is told to do.
_UPKEEP = ("node.watch", "node.write-ssconf", "node.forget-candidacy", "store.")


class Life:
    """Of a master process. ``moments``: what it has done so far that is seen outside; ``last``: how many it gets."""

    def __init__(self):
        self.dead = False
        self.died = asyncio.Event()
        self.moments = []
        self.last = None

    def limit(self, moments):
        """Count from now on; after so many comes the end (None: never)."""
        self.moments.clear()
        self.last = moments

    def passed(self, moment):
        self.moments.append(moment)
        if len(self.moments) == self.last:
            self.end()

    def end(self):
        """As kill -9: nothing more leaves the process."""
        self.dead = True
        self.died.set()


class MortalStore:
    """The store as a process sees it: once that is dead, not at all."""

    def __init__(self, store, life):
        self._store = store
        self._life = life

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def write(self, batches):
        self._check_alive()
        await asyncio.sleep(0.001)
        self._check_alive()
        await self._store.write(batches)
        self._life.passed(f"write of {', '.join(sorted({r.kind for batch in batches for r in batch.records}))}")
        self._check_alive()

    def close(self):
        pass

    def _check_alive(self):
        if self._life.dead:
            raise StoreFailed("the process is dead")


class MortalTransport(MemoryTransport):
    """The network as a process sees it."""

    def __init__(self, network, papers, host, life):
        super().__init__(network, papers, host)
        self._life = life

    async def exchange(self, address, request, deadline):
        self._check_alive(address)
        async with aclosing(super().exchange(address, request, deadline)) as lines:
            async for line in lines:
                self._check_alive(address)
                yield line
        name = call_name(request)
        if not name.startswith(_UPKEEP):
            self._life.passed(f"{name} on {address.name}")

    def _check_alive(self, address):
        if self._life.dead:
            raise NodeUnreachable(f"{address.name}: the caller is dead")


def call_name(request):
    return msgspec.json.decode(request_decoder.decode(request).body)["call"]


class WatchedGuests(dict[str, Any]):
    """The guests of a node; each change is told."""

    def __init__(self, changed):
        super().__init__()
        self._changed = changed

    def __setitem__(self, name, guest):
        super().__setitem__(name, guest)
        self._changed()


class MortalCluster(PaperCluster):
    """``accepted``: the numbers of jobs that were given out. ``doubles``: guests seen on two nodes at once."""

    def __init__(self, root, state, seed, clock):
        super().__init__(root, state, seed, clock)
        self.accepted = []
        self.doubles = []
        self.life = None
        self.transport = None
        self.disk = self.store

    def machine(self, node, master):
        made = super().machine(node, master)
        made.hypervisor()._guests = WatchedGuests(self._look_for_doubles)
        return made

    async def start(self):
        self.life = Life()
        self.store = MortalStore(self.disk, self.life)
        await super().start()

    def surroundings(self, **changes):
        own = self.nodes[self._state.master.name]
        self.transport = self.network_of(own.papers, own.node.primary_ip)
        return super().surroundings(transport=self.transport, **changes)

    def network_of(self, papers, host):
        """What carries the calls of a master."""
        return MortalTransport(self.network, papers, host, self.life)

    async def kill_master(self):
        self.life.end()
        await self.master.stop()

    async def ended(self):
        """Return when all jobs have come to their end, those that they submitted too."""
        while open_jobs := [tracked for tracked in self.master.queue if not tracked.job.status.final]:
            await open_jobs[0].changed()

    def _look_for_doubles(self):
        running = Counter()
        for node in self.nodes.values():
            running.update(name for name, guest in node.hypervisor()._guests.items() if guest.state == "running")
        self.doubles += [(self.clock.now(), name) for name, count in running.items() if count > 1]
