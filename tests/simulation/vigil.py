# SPDX-License-Identifier: BSD-2-Clause
"""Instances on a day on which guests crash and nodes are rebooted, and a watcher that looks after them."""

import asyncio
from collections import Counter
from functools import partial

from ganeti.model.restarts import MOST_RESTARTS, recent
from ganeti.node.storage.fake_mirror import FakeMirror
from tests.cluster.watcher.watched import its_jobs
from tests.cluster.world import first_state
from tests.simulation.invariants import attended, examine
from tests.simulation.scenes import TEMPLATES
from tests.simulation.storm import ACCIDENTS, NAMES, Storm, trace
from tests.simulation.virtual import VirtualClock, run

# What administrators do to instances that run, as often as it stands here.
ORDERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("OP_INSTANCE_SHUTDOWN", {}),
    ("OP_INSTANCE_SHUTDOWN", {"no_remember": True}),
    ("OP_INSTANCE_STARTUP", {}),
    ("OP_INSTANCE_STARTUP", {}),
    ("OP_INSTANCE_REBOOT", {"reboot_type": "hard"}),
    ("OP_INSTANCE_REBOOT", {"reboot_type": "full"}),
    ("OP_INSTANCE_MIGRATE", {}),
    ("OP_INSTANCE_FAILOVER", {}),
    ("OP_INSTANCE_ACTIVATE_DISKS", {}),
    ("OP_GROUP_VERIFY_DISKS", {"group_name": "default"}),
)


class Vigil(Storm):
    """Twelve accidents and sixteen orders."""

    def __init__(self, root, state, seed, clock):
        super().__init__(root, state, seed, clock)
        own = (Vigil.a_guest_crashes, Vigil.a_guest_crashes, Vigil.a_guest_shuts_itself_down, Vigil.a_node_is_rebooted)
        self.accidents = (*own, *(one for one in ACCIDENTS if one is not Storm.install_the_stranger_anew))

    async def begin(self):
        self.transport.calm = True
        for number, name in enumerate(NAMES):
            here, there = f"node{number % 3 + 1}", f"node{(number + 1) % 3 + 1}"
            mirrored = {"template": "drbd", "snode": there} if number % 2 else {}
            await self.add(name, node=here, **mirrored)
        self.transport.calm = False

    def wish(self):
        wire_name, parameters = self.chance.choice(ORDERS)
        name = {} if "group_name" in parameters else {"instance_name": self.chance.choice(NAMES)}
        return wire_name, {**parameters, **name}

    async def running(self):
        everywhere = [(node, await node.guests()) for node in self.nodes.values()]
        return [(node, name) for node, guests in everywhere for name, state in guests.items() if state == "running"]

    async def a_guest_crashes(self):
        if running := await self.running():
            node, name = self.chance.choice(running)
            node.hypervisor().end(name, crashed=True)

    async def a_guest_shuts_itself_down(self):
        if running := await self.running():
            node, name = self.chance.choice(running)
            node.hypervisor().end(name)

    async def a_node_is_rebooted(self):
        """Its daemon comes back later, with nothing of what ran there."""
        node = self.nodes[f"node{self.chance.randint(2, 3)}"]
        self.network.silence(node.node.primary_ip)
        node.hypervisor()._guests.clear()
        for storage in node.equipment.storages.values():
            if isinstance(storage, FakeMirror):
                storage.lose_power()
        await asyncio.sleep(self.chance.expovariate(0.05))
        self.network.cut_off.discard(node.node.primary_ip)


def examine_wishes(vigil):
    """What the watcher has ordered, by summary; it has started nothing too often."""
    for instance in vigil.state.instances:
        assert len(recent(instance.restarts, vigil.clock.now())) <= MOST_RESTARTS
    return dict(Counter(its_jobs(vigil)))


async def live_through(loop, root, seed):
    """The day of a seed, when it is over."""
    own = {"max_running_jobs": 5, "watcher_paused_until": 0.0, "enabled_user_shutdown": seed % 2 == 1}
    vigil = Vigil(root, first_state(nodes=3, **own, **TEMPLATES), seed, VirtualClock(loop))
    await vigil.start()
    await vigil.begin()
    await asyncio.gather(*(vigil.customer(8) for _ in range(2)), vigil.weather(12))
    await vigil.calm_down()
    await vigil.settle_leftovers()
    return vigil


def survive(root, seed):
    """Raise AssertionError for the damage that the day of a seed leaves; what was seen."""

    async def main(loop):
        vigil = await live_through(loop, root, seed)
        try:
            await attended(vigil, partial(vigil.call, "SetWatcherPause"))
            await examine(vigil)
            return examine_wishes(vigil), trace(vigil.master.queue)
        finally:
            await vigil.stop()

    return run(main)
