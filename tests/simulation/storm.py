# SPDX-License-Identifier: BSD-2-Clause
"""A cluster in bad weather: calls get lost, nodes are cut off, masters die, disks fill up; all by a seed."""

import asyncio
import random
from contextlib import aclosing
from functools import partial

from ganeti.errors import GanetiError, NodeUnreachable
from ganeti.model.template import TEMPLATES as DISK_TEMPLATES
from ganeti.model.timing import SILENCE
from tests.cluster.world import first_state
from tests.simulation.invariants import attended, examine
from tests.simulation.late import Stragglers
from tests.simulation.mortal import MortalCluster, MortalTransport, call_name
from tests.simulation.scenes import SCENES, STRANGER, TEMPLATES
from tests.simulation.virtual import VirtualClock, run

LOST = 0.02  # of calls, on the way there, and as many on the way back
NAMES = [f"i{n}" for n in range(6)]


class StormyTransport(MortalTransport):
    """Calls take time, and some get lost: the request, or the answer to a request that was carried out."""

    def __init__(self, storm, papers, host):
        super().__init__(storm.network, papers, host, storm.life)
        self._chance = storm.chance
        self._stragglers = storm.stragglers
        self.calm = False

    async def exchange(self, address, request, deadline):
        lost = 1.0 if self.calm or call_name(request) == "node.watch" else self._chance.random()
        await asyncio.sleep(self._chance.random() * 0.05)
        if lost < LOST:
            self._check_alive(address)
            if lost < LOST / 2:
                self._stragglers.send(address.host, self._papers.shown(), request, 2 * lost / LOST)
            await asyncio.sleep(min(deadline, SILENCE))
            raise NodeUnreachable(f"The request to {address.name} got lost")
        async with aclosing(super().exchange(address, request, deadline)) as lines:
            async for line in lines:
                if lost < 2 * LOST:
                    await asyncio.sleep(min(deadline, SILENCE))
                    raise NodeUnreachable(f"The answer of {address.name} got lost")
                yield line


class Storm(MortalCluster):
    """What is ordered and what happens is chosen by the seed."""

    def __init__(self, root, state, seed, clock):
        super().__init__(root, state, seed, clock)
        self.accidents = ACCIDENTS
        self.chance = random.Random(seed)
        self.stragglers = Stragglers(self.network)
        self.nodes[STRANGER.name] = self.machine(STRANGER, "node1")
        self.resolver.names |= {"cluster2": "10.0.0.101", "cluster": "10.0.0.100"}

    def network_of(self, papers, host):
        return StormyTransport(self, papers, host)

    async def stop(self):
        await super().stop()
        await self.stragglers.stop()

    async def customer(self, orders):
        """Submit what comes to mind, and wait for it or not."""
        for _ in range(orders):
            await asyncio.sleep(self.chance.expovariate(2.0))
            wire_name, parameters = self.wish()
            try:
                number = await self.submit(wire_name, **parameters)
            except GanetiError:
                continue
            self.accepted.append(number)
            if self.chance.random() < 0.5:
                await self.gone_or_finished(number)

    async def gone_or_finished(self, number):
        """Wait as a client does who is cut off when the master dies."""
        died = asyncio.create_task(self.life.died.wait())
        ended = asyncio.create_task(self.finished(number))
        await asyncio.wait((died, ended), return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        ended.cancel()

    def wish(self):
        """An operation that a customer thinks of, whether or not it makes sense now."""
        scene = self.chance.choices(SCENES, [scene.often for scene in SCENES])[0]
        return scene.wire_name, scene.parameters(self.chance.choice(NAMES), f"node{self.chance.randint(1, 3)}")

    async def weather(self, events):
        """Accidents, one after the other."""
        for _ in range(events):
            await asyncio.sleep(self.chance.expovariate(0.2))
            await self.chance.choice(self.accidents)(self)

    async def cut_off_a_node(self):
        host = f"10.0.0.{self.chance.randint(2, 3)}"
        self.network.silence(host)
        await asyncio.sleep(self.chance.expovariate(0.2))
        self.network.cut_off.discard(host)

    async def restart_a_daemon(self):
        node = self.nodes[f"node{self.chance.randint(1, 3)}"]
        node.kill_daemon()
        await asyncio.sleep(self.chance.random() * 3)
        node.start()

    async def crash(self):
        await self.kill_master()
        await asyncio.sleep(self.chance.random() * 3)
        await self.start()

    async def fill_the_disk(self):
        self.disk.full = True
        await asyncio.sleep(self.chance.random() * 3)
        self.disk.full = False

    async def install_the_stranger_anew(self):
        """Only while it is no member: a member would have to be added again."""
        if STRANGER.name not in {node.name for node in self.state.nodes}:
            self.nodes[STRANGER.name].enter("node1", by=self.nodes["node1"].paths)

    async def calm_down(self):
        """The weather is fine again: everything answers, and all jobs come to their end."""
        self.network.cut_off.clear()
        self.transport.calm = True
        await self.ended()
        for node in self.state.nodes:
            await self.master.live.settled(node.uuid, 60)

    async def settle_leftovers(self):
        """What an administrator does after such a day: migrations that broke off are cleaned up."""
        for instance in migrated(self.state):
            await self.run("OP_INSTANCE_MIGRATE", instance_name=instance.name, cleanup=True)


def migrated(state):
    """The instances that can have been; a job may have given one disks that stay where they are, in the end."""
    movable = (instance for instance in state.instances if DISK_TEMPLATES[instance.disk_template].movable)
    return [instance for instance in movable if not instance.forthcoming]


ACCIDENTS = (
    Storm.cut_off_a_node,
    Storm.restart_a_daemon,
    Storm.crash,
    Storm.fill_the_disk,
    Storm.install_the_stranger_anew,
)


async def live_through(loop, root, seed):
    """The storm of a seed, when it is over."""
    state = first_state(nodes=3, max_running_jobs=5, watcher_paused_until=0.0, **TEMPLATES)
    storm = Storm(root, state, seed, VirtualClock(loop))
    await storm.start()
    await asyncio.gather(*(storm.customer(15) for _ in range(3)), storm.weather(6))
    await storm.calm_down()
    await storm.settle_leftovers()
    return storm


def trace(queue):
    """How the jobs were carried out."""
    return [(one.job.id, str(one.job.status), one.job.ended, [entry.text for entry in one.log]) for one in queue]


def survive(root, seed):
    """Raise AssertionError for the damage that the storm of a seed leaves; what was seen."""

    async def main(loop):
        storm = await live_through(loop, root, seed)
        try:
            await attended(storm, partial(storm.call, "SetWatcherPause"))
            await examine(storm)
            return trace(storm.master.queue)
        finally:
            await storm.stop()

    return run(main)
