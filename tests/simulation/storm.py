# SPDX-License-Identifier: BSD-2-Clause
"""A cluster in bad weather: calls get lost, nodes are cut off, masters die, disks fill up; all by a seed."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing
from typing import Any

from ganeti.errors import GanetiError, NodeUnreachable, StoreFailed
from ganeti.rpc.memory import MemoryTransport
from tests.cluster.paper import PaperCluster

LOST = 0.02  # of calls, on the way there, and as many on the way back
NAMES = [f"i{n}" for n in range(6)]


class DeadStore:
    """The store as a dead process sees it: not at all."""

    def __init__(self, store):
        self._store = store
        self.dead = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def write(self, batches):
        if self.dead:
            raise StoreFailed("the process is dead")
        await asyncio.sleep(0.001)
        if self.dead:
            raise StoreFailed("the process is dead")
        await self._store.write(batches)

    def close(self):
        pass


class StormyTransport(MemoryTransport):
    """Calls take time, and some get lost: the request, or the answer to a request that was carried out."""

    def __init__(self, network, name, host, chance):
        super().__init__(network, name, host)
        self._chance = chance
        self.calm = False
        self.dead = False

    async def exchange(self, address, request, deadline):
        lost = 1.0 if self.calm or b'"node.watch"' in request else self._chance.random()
        await asyncio.sleep(self._chance.random() * 0.05)
        self._check_alive(address)
        if lost < LOST:
            await asyncio.sleep(deadline)
            raise NodeUnreachable(f"The request to {address.name} got lost")
        async with aclosing(super().exchange(address, request, deadline)) as lines:
            async for line in lines:
                self._check_alive(address)
                if lost < 2 * LOST:
                    await asyncio.sleep(deadline)
                    raise NodeUnreachable(f"The answer of {address.name} got lost")
                yield line

    def _check_alive(self, address):
        if self.dead:
            raise NodeUnreachable(f"{address.name}: the caller is dead")


class WatchedGuests(dict[str, Any]):
    """The guests of a node; each change is told."""

    def __init__(self, changed):
        super().__init__()
        self._changed = changed

    def __setitem__(self, name, guest):
        super().__setitem__(name, guest)
        self._changed()


class Storm(PaperCluster):
    """``accepted``: the numbers of jobs that were given out. ``doubles``: guests seen on two nodes at once."""

    def __init__(self, root, state, seed, clock):
        super().__init__(root, state, seed, clock)
        self.chance = random.Random(seed)
        self.accepted = []
        self.doubles = []
        self.transport = None
        self.disk = self.store
        for node in self.nodes.values():
            node.hypervisor()._guests = WatchedGuests(self.look_for_doubles)

    async def start(self):
        self.store = DeadStore(self.disk)
        await super().start()

    def surroundings(self, **changes):
        name, host = self._state.master.name, self._state.master.primary_ip
        self.transport = StormyTransport(self.network, name, host, self.chance)
        return super().surroundings(transport=self.transport, **changes)

    async def kill_master(self):
        """As kill -9: nothing more leaves the process."""
        self.store.dead = self.transport.dead = True
        await self.master.stop()

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
        master = self.master
        while master is self.master and not master.queue.get(number).job.status.final:
            await asyncio.sleep(0.05)

    def wish(self):
        name, node = self.chance.choice(NAMES), f"node{self.chance.randint(1, 3)}"
        create = {
            "mode": "create",
            "disk_template": "sharedfile",
            "disks": [{"size": 64}],
            "nics": [{}],
            "pnode": node,
            "no_install": True,
            "name_check": False,
            "ip_check": False,
        }
        return self.chance.choice(
            [
                ("OP_INSTANCE_CREATE", {"instance_name": name, **create}),
                ("OP_INSTANCE_CREATE", {"instance_name": name, **create}),
                ("OP_INSTANCE_STARTUP", {"instance_name": name}),
                ("OP_INSTANCE_STARTUP", {"instance_name": name}),
                ("OP_INSTANCE_SHUTDOWN", {"instance_name": name}),
                ("OP_INSTANCE_REBOOT", {"instance_name": name, "reboot_type": "full"}),
                ("OP_INSTANCE_MIGRATE", {"instance_name": name, "target_node": node}),
                ("OP_INSTANCE_MIGRATE", {"instance_name": name, "target_node": node, "allow_failover": True}),
                ("OP_INSTANCE_FAILOVER", {"instance_name": name, "target_node": node}),
                ("OP_INSTANCE_REMOVE", {"instance_name": name}),
                ("OP_TEST_DELAY", {"duration": self.chance.random(), "on_nodes": [node], "no_locks": False}),
            ]
        )

    async def weather(self, events):
        """Accidents, one after the other."""
        for _ in range(events):
            await asyncio.sleep(self.chance.expovariate(0.2))
            await self.chance.choice([self.cut_off_a_node, self.restart_a_daemon, self.crash, self.fill_the_disk])()

    async def cut_off_a_node(self):
        host = f"10.0.0.{self.chance.randint(2, 3)}"
        self.network.cut_off.add(host)
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

    def look_for_doubles(self):
        """Called whenever the state of a guest has changed anywhere."""
        running = Counter()
        for node in self.nodes.values():
            running.update(name for name, guest in node.hypervisor()._guests.items() if guest.state == "running")
        self.doubles += [(self.clock.now(), name) for name, count in running.items() if count > 1]

    async def calm_down(self):
        """The weather is fine again: everything answers, and all jobs come to their end."""
        self.network.cut_off.clear()
        self.transport.calm = True
        for tracked in list(self.master.queue):
            await self.finished(tracked.job.id)
        for node in self.state.nodes:
            await self.master.live.settled(node.uuid, 60)

    async def settle_leftovers(self):
        """What an administrator does after such a day: migrations that broke off are cleaned up."""
        for instance in self.state.instances:
            await self.run("OP_INSTANCE_MIGRATE", instance_name=instance.name, cleanup=True)

    def untold(self):
        """Disks that belong to no instance, and that no job's error has named."""
        known = {disk.uuid for instance in self.state.instances for disk in instance.disks}
        told = " ".join(str(step.result) for tracked in self.master.queue for step in tracked.job.steps)
        left = [disk for disk in self.shared_disks.values() if disk.uuid not in known]
        return [disk for disk in left if f"disk 0 of {disk.location.split('/')[-2]}" not in told]

    def missing(self):
        """Disks of instances that are gone, though no removal of the instance broke off."""
        there = {disk.uuid for disk in self.shared_disks.values()}
        return [
            instance.name
            for instance in self.state.instances
            if any(disk.uuid not in there for disk in instance.disks) and not self.broke_off("REMOVE", instance)
        ]

    def broke_off(self, what, instance):
        """Whether an operation on an instance ended in an error, which the user was told."""
        steps = [step for tracked in self.master.queue for step in tracked.job.steps if step.status == "error"]
        return f"INSTANCE_{what}({instance.name})" in [step.summary for step in steps]
