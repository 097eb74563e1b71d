# SPDX-License-Identifier: BSD-2-Clause
"""Machines that each may be the master: with power, a disk, and a network that fails in every direction."""

import asyncio
import random
from contextlib import asynccontextmanager
from functools import partial

from ganeti.bootstrap.mastership import Candidate, Rules, elect
from ganeti.config.memory import MemoryStore
from ganeti.daemons.masterd.master import Master, Surroundings
from ganeti.daemons.noded import belonging
from ganeti.errors import GanetiError
from ganeti.host.files import write_atomic
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.model.entity import evolve
from ganeti.node.equipment import on_paper
from ganeti.node.mastership import Mastership
from ganeti.node.replica import Replica
from ganeti.node.service import handlers
from ganeti.rpc.authority import Authority, Term, read_term, write_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract import node as contract
from ganeti.rpc.memory import MemoryNetwork, MemoryTransport
from ganeti.rpc.server import Dispatcher
from tests.cluster.world import NoResolver, SeededRandom, first_state, stored
from tests.simulation.mortal import Life, MortalStore


class DeadTransport(MemoryTransport):
    """Of a process that dies: it takes time, and nothing leaves a dead one."""

    def __init__(self, network, name, host, life, chance):
        super().__init__(network, name, host)
        self._life = life
        self._chance = chance

    async def exchange(self, address, request, deadline):
        await asyncio.sleep(self._chance.random() * 0.05)
        if self._life.dead:
            raise asyncio.CancelledError
        async for line in super().exchange(address, request, deadline):
            if self._life.dead:
                raise asyncio.CancelledError
            yield line


class Machine:
    """A node that has power or not. Its term, its facts and its database survive a power cut."""

    def __init__(self, node, world):
        self.node, self.world = node, world
        self.paths = Paths(world.root / node.name)
        self.disk = MemoryStore()
        self.life = self.master = self.masterd = None
        self.powered = self.serving = False
        write_term(self.paths.term, Term(1, "node1"))
        write_atomic(self.paths.ssconf("master_candidates"), "\n".join(n.name for n in world.first.nodes))

    def power_on(self):
        """As at a boot: the node daemon, and the master daemon where it was left on."""
        self.powered = True
        authority = Authority(self.paths.term, self._candidates, self._replaced)
        replica = Replica(lambda: self.disk, authority, self.node.name, self.paths.replica_term)
        standing = Mastership(authority, lambda: self.disk.position().revision, lambda: self.masterd is not None)
        calls = {
            **handlers(on_paper(self.node.name, self.paths, self.world.clock, {})),
            **belonging(self.paths, replica, asyncio.Event()),
            contract.TellStanding: standing.standing,
        }
        self.world.network.plug(self.node.primary_ip, Dispatcher(calls, authority).answer)
        if read_term(self.paths.term).master == self.node.name:
            self.start_masterd()

    async def power_off(self):
        self.powered = False
        self.world.network.unplug(self.node.primary_ip)
        await self.kill_masterd()

    def start_masterd(self):
        if self.masterd is None:
            self.masterd = asyncio.create_task(self._live(), name=f"masterd on {self.node.name}")

    async def kill_masterd(self):
        if self.masterd is None:
            return
        if self.life:
            self.life.end()
        task, self.masterd, self.serving = self.masterd, None, False
        task.cancel()
        await asyncio.wait([task])

    async def take_over(self, rules):
        """``gnt-cluster master-failover`` here; whether it worked."""
        candidate = Candidate(self.node.name, self.disk, read_term(self.paths.term), self._calling, self.world.clock)
        try:
            _, term = await elect(candidate, rules)
        except GanetiError:
            return False
        if not self.powered:
            return False
        write_term(self.paths.term, term)
        self.start_masterd()
        return True

    async def _live(self):
        term = read_term(self.paths.term)
        self.life = Life()
        name, host = self.node.name, self.node.primary_ip
        self.master = Master(
            Surroundings(
                store=MortalStore(self.disk, self.life),
                transport=DeadTransport(self.world.network, name, host, self.life, self.world.chance),
                clock=self.world.clock,
                random=SeededRandom(1),
                resolver=NoResolver(),
                allocators=Iallocators([self.paths.root]),
                candidate_files=dict,
                term=term,
                returned=partial(self._returned),
            )
        )
        try:
            await self.master.elected()
            await self.master.start()
            self.serving = True
            self.world.told(self.node.name, f"serves in term {term.number}")
            why = await self.master.over()
            self.world.told(self.node.name, why.message)
        except GanetiError as error:
            self.world.told(self.node.name, error.message)
        finally:
            self.serving = False
            await self.master.stop()
            if self.masterd is asyncio.current_task():
                self.masterd = None

    def _replaced(self, old):
        if old.master == self.node.name:
            self.world.spawn(self.kill_masterd())

    def _returned(self, name):
        term = read_term(self.paths.term)
        write_term(self.paths.term, Term(term.number, term.master, tuple(n for n in term.vouched if n != name)))

    def _candidates(self):
        return frozenset(self.paths.ssconf("master_candidates").read_text().split())

    @asynccontextmanager
    async def _calling(self, number):
        yield NodeClient(
            MemoryTransport(self.world.network, self.node.name, self.node.primary_ip), self.node.name, lambda: number
        )


class Machines:
    """``acknowledged``: (time, term, tag) of each change that a master said yes to."""

    def __init__(self, root, count, seed, clock, loop):
        self.root, self.clock, self.loop = root, clock, loop
        self.chance = random.Random(seed)
        self.network = MemoryNetwork()
        self.first = first_state(nodes=count, candidates=count)
        self.machines = {node.name: Machine(node, self) for node in self.first.nodes}
        self.acknowledged = []
        self.history = []
        self._tasks = set()

    async def start(self):
        for machine in self.machines.values():
            await stored(self.first, machine.disk)
            machine.power_on()
        await asyncio.sleep(10)

    async def stop(self):
        for machine in self.machines.values():
            await machine.power_off()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def told(self, name, text):
        self.history.append((round(self.loop.time(), 2), name, text))

    def spawn(self, work):
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def serving(self):
        return [machine for machine in self.machines.values() if machine.serving]

    async def customer(self, orders):
        """Ask whoever serves to write something down."""
        for number in range(orders):
            await asyncio.sleep(self.chance.expovariate(1.0))
            if serving := self.serving():
                await self.write(self.chance.choice(serving), f"t{number}")

    async def write(self, machine, tag):
        master = machine.master
        cluster = master.configuration.state.cluster
        try:
            await master.configuration.commit([evolve(cluster, tags=frozenset([tag]))])
        except GanetiError:
            return False
        if not machine.life.dead:
            self.acknowledged.append((self.loop.time(), master.term.number, machine.node.name))
        return True

    async def weather(self, count):
        for _ in range(count):
            await asyncio.sleep(self.chance.expovariate(0.1))
            machine = self.chance.choice(list(self.machines.values()))
            events = (self.toggle_power, self.split, self.cut_one_way, self.heal, self.mark, self.vouch)
            what = self.chance.choice([*events, self.vote, self.vote])
            self.told(machine.node.name, what.__name__)
            await what(machine)

    async def toggle_power(self, machine):
        if machine.powered:
            await machine.power_off()
            return
        if machine.node.name in self._vouched():
            await self.heal(machine)  # who has said that a machine is off brings it back with care
        machine.power_on()

    async def split(self, machine):
        """A part of the machines is cut off from the rest."""
        hosts = [other.node.primary_ip for other in self.machines.values()]
        inside = set(self.chance.sample(hosts, self.chance.randint(1, len(hosts) - 1)))
        self.network.cut = {(a, b) for a in hosts for b in hosts if (a in inside) != (b in inside)}

    async def cut_one_way(self, machine):
        other = self.chance.choice(list(self.machines.values()))
        if other is not machine:
            self.network.cut = self.network.cut | {(machine.node.primary_ip, other.node.primary_ip)}

    async def heal(self, machine):
        self.network.cut = set()

    async def vote(self, machine):
        if machine.powered and machine.masterd is None:
            self.spawn(self._take_over(machine, Rules(count_offline=self.chance.random() < 0.5)))

    async def vouch(self, machine):
        """Nobody says that the others are off unless they are."""
        others = [other for other in self.machines.values() if other is not machine]
        if machine.powered and machine.masterd is None and not any(other.powered for other in others):
            await self.heal(machine)
            self.spawn(self._take_over(machine, Rules(voting=False)))

    async def mark(self, machine):
        """Mark a machine offline that has no power, or take that back."""
        for master in self.serving():
            state = master.master.configuration.state
            node = state.get(type(machine.node), machine.node.uuid)
            if node.uuid != state.cluster.master_node and (node.offline or not machine.powered):
                try:
                    await master.master.configuration.commit([evolve(node, offline=not node.offline)])
                except GanetiError as error:
                    self.told(master.node.name, error.message)

    async def _take_over(self, machine, rules):
        worked = await machine.take_over(rules)
        self.told(machine.node.name, f"takes over by {rules}: {worked}")

    def _vouched(self):
        return {name for machine in self.machines.values() for name in read_term(machine.paths.term).vouched}

    async def calm_down(self):
        """Everything has power and hears everything; there is a master, if need be a new one."""
        await self.heal(None)
        for machine in self.machines.values():
            if not machine.powered:
                machine.power_on()
        await asyncio.sleep(60)
        for machine in sorted(self.machines.values(), key=lambda one: -one.disk.position().revision):
            if not self.serving():
                await machine.take_over(Rules(count_offline=False))
                await asyncio.sleep(60)
