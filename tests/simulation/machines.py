# SPDX-License-Identifier: BSD-2-Clause
"""Machines that each may be the master: with power, a disk, and a network that fails in every direction."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from functools import partial

from ganeti.bootstrap.mastership import Candidate, Rules, elect
from ganeti.config.memory import MemoryStore
from ganeti.daemons.masterd.master import Master, Surroundings
from ganeti.daemons.masterd.methods import Methods
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.daemons.noded import belonging
from ganeti.errors import GanetiError, NodeUnreachable, NotMaster
from ganeti.host.files import write_atomic
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.model.entity import evolve
from ganeti.model.timing import SILENCE
from ganeti.node.equipment import PaperDisks, on_paper
from ganeti.node.mastership import Mastership, mark_whole
from ganeti.node.membership import KnownCandidates, candidates, forget_candidacy
from ganeti.node.replica import Replica
from ganeti.node.service import handlers
from ganeti.rpc.authority import Authority, Term, read_term, write_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract import node as contract
from ganeti.rpc.contract.store import Position
from ganeti.rpc.memory import MemoryNetwork, MemoryTransport, Paper
from ganeti.rpc.server import Dispatcher
from tests.cluster.paper import Farewell
from tests.cluster.papers import first_certificate
from tests.cluster.world import NoResolver, SeededRandom, first_state, stored
from tests.simulation.late import Stragglers
from tests.simulation.mortal import Life, MortalStore, WatchedGuests, call_name
from tests.simulation.scenes import TEMPLATES

KEYS = {"ca.key": "the key of the cluster's CA"}


class DeadTransport(MemoryTransport):
    """Of a process that dies: it takes time, nothing leaves a dead one, and the world may lose requests and answers."""

    def __init__(self, world, name, host, life, awake):
        super().__init__(world.network, Paper(name, first_certificate(name)), host)
        self._life = life
        self._awake = awake
        self._world = world

    async def exchange(self, address, request, deadline):
        lost = 1.0 if call_name(request) == "node.watch" else self._world.chance.random()
        await asyncio.sleep(self._world.chance.random() * 0.05)
        await self._awake.wait()
        if self._life.dead:
            raise asyncio.CancelledError
        if lost < self._world.loss:
            if lost < self._world.loss / 2:
                self._world.stragglers.send(address.host, self._papers.shown(), request, 2 * lost / self._world.loss)
            await asyncio.sleep(min(deadline, SILENCE))
            raise NodeUnreachable(f"The request to {address.name} got lost")
        async with aclosing(super().exchange(address, request, deadline)) as lines:
            async for line in lines:
                await self._awake.wait()
                if self._life.dead:
                    raise asyncio.CancelledError
                if lost < 2 * self._world.loss:
                    await asyncio.sleep(min(deadline, SILENCE))
                    raise NodeUnreachable(f"The answer of {address.name} got lost")
                yield line


class SlowStore(MemoryStore):
    """``slowness``: seconds that a write takes. ``awake``: whether those who write are not frozen."""

    slowness = 0.0

    def __init__(self, awake):
        super().__init__()
        self._awake = awake

    def empty(self):
        """As if the file were removed."""
        self._records.clear()
        self._position = Position(0, 0)

    async def write(self, batches):
        await self._awake.wait()
        await asyncio.sleep(self.slowness)
        await super().write(batches)

    async def replace(self, position, records):
        await self._awake.wait()
        await asyncio.sleep(self.slowness)
        await super().replace(position, records)


class JumpingClock:
    """``ahead``: seconds by which it is wrong."""

    def __init__(self, clock):
        self._clock = clock
        self.ahead = 0.0

    def now(self):
        return self._clock.now() + self.ahead


class Machine:
    """A node that has power or not. Its term, its facts and its database survive a power cut; its guests don't."""

    def __init__(self, node, world):
        self.node, self.world = node, world
        self.paths = Paths(world.root / node.name)
        self.awake = asyncio.Event()
        self.awake.set()
        self.disk = SlowStore(self.awake)
        self.clock = JumpingClock(world.clock)
        self.equipment = on_paper(node.name, self.paths, self.clock, world.disks)
        for hypervisor in self.equipment.hypervisors.values():
            hypervisor._guests = WatchedGuests(world.look_for_doubles)
        self.life = self.master = self.methods = self.masterd = None
        self.powered = self.serving = False
        self._calls = {}  # in order, so that a seed repeats exactly
        self._commands = {}
        self._noded = None
        self._starts = 0
        self.enter(Term(1, "node1"), [n.name for n in world.first.nodes])

    def enter(self, term, candidates):
        """Get the cluster's credentials; what there was of it before is moved out of the way."""
        self.disk.empty()
        write_term(self.paths.term, term)
        write_atomic(self.paths.ssconf("master_candidates"), "\n".join(candidates))

    @property
    def store(self):
        return self.disk

    @property
    def candidate(self):
        return self.node.name in candidates(self.paths)

    async def guests(self):
        return {guest.name: guest.state for guest in await self.equipment.hypervisors["fake"].list()}

    def power_on(self):
        """As at a boot: the node daemon, and the master daemon where it was left on."""
        self.powered = True
        if read_term(self.paths.term):
            self.start_noded()
        term = read_term(self.paths.term)
        if term and term.master == self.node.name:
            self.start_masterd()

    async def power_off(self):
        self.powered = False
        self.awake.set()
        self.equipment.address.held = None
        self.kill_noded()
        for command in self._commands:
            command.cancel()
        for hypervisor in self.equipment.hypervisors.values():
            hypervisor._guests.clear()
        self.equipment.storages["drbd"].lose_power()
        await self.kill_masterd()

    def start_noded(self):
        authority = Authority(self.paths.term, KnownCandidates(self.paths), self._replaced)
        replica = Replica(lambda: self.disk, authority, self.node.name, self.paths.replica_term, self._forget)
        standing = Mastership(
            self.paths,
            authority,
            self._kept,
            lambda: self.masterd is not None,
        )
        calls = {
            **handlers(self.equipment),
            **belonging(self.paths, authority, replica, Farewell(lambda: self._left(noded))),
            contract.TellStanding: standing.standing,
        }
        self._noded = noded = Dispatcher(calls, authority)
        self.world.network.plug(self.node.primary_ip, partial(self._answer, noded))

    def _left(self, noded):
        if noded is self._noded:
            self.kill_noded()

    def _forget(self, place):
        self.disk.empty()
        forget_candidacy(self.paths, place)

    def kill_noded(self):
        """With all that it is about."""
        self.world.network.unplug(self.node.primary_ip)
        self._noded = None
        for call in list(self._calls):
            call.cancel()

    async def _answer(self, dispatcher, *call):
        task = asyncio.current_task()
        self._calls[task] = None
        try:
            await self.awake.wait()
            return await dispatcher.answer(*call)
        finally:
            del self._calls[task]

    async def _kept(self, digests):
        return await self.disk.digested() if digests else self.disk.position()

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
        if not self.candidate:
            return False
        candidate = Candidate(self.node.name, self.paths, self.disk, self._calling, self.clock)
        command = asyncio.create_task(elect(candidate, rules))
        self._commands[command] = None
        try:
            await command
        except asyncio.CancelledError:  # by a power cut
            return False
        except GanetiError as error:
            self.world.told(self.node.name, error.message)
            return False
        finally:
            del self._commands[command]
        self.start_masterd()
        return True

    async def _live(self):
        term = read_term(self.paths.term)
        self.life = Life()
        self._starts += 1
        name, host = self.node.name, self.node.primary_ip
        self.master = Master(
            Surroundings(
                store=MortalStore(self.disk, self.life),
                transport=DeadTransport(self.world, name, host, self.life, self.awake),
                clock=self.clock,
                random=self.world.random,
                resolver=NoResolver(),
                allocators=Iallocators([self.paths.root]),
                candidate_files=lambda: KEYS,
                watcher_files=WatcherFiles(self.paths),
                term=term,
                start=self._starts,
                returned=partial(self._returned),
            )
        )
        self.methods = Methods(self.master, None).table()
        try:
            await self.master.elected()
            mark_whole(self.paths, term)
            await self.master.start()
            self.serving = True
            self.world.told(self.node.name, f"serves in term {term.number}")
            raise await self.master.over()
        except GanetiError as error:
            self.world.told(self.node.name, error.message)
            if isinstance(error, NotMaster):
                self.equipment.address.held = None
        finally:
            self.serving = False
            await self.master.stop()
            if self.masterd is asyncio.current_task():
                self.masterd = None

    def _replaced(self, old):
        if old.master == self.node.name:
            self.equipment.address.held = None
            self.world.spawn(self.kill_masterd())

    def _returned(self, name):
        term = read_term(self.paths.term)
        write_term(self.paths.term, Term(term.number, term.master, tuple(n for n in term.vouched if n != name)))

    @asynccontextmanager
    async def _calling(self, number):
        papers = Paper(self.node.name, first_certificate(self.node.name))
        yield NodeClient(
            MemoryTransport(self.world.network, papers, self.node.primary_ip),
            self.node.name,
            lambda: number,
        )


class Machines:
    """``acknowledged``: (time, term, tag) of each change that a master said yes to.

    ``doubles``: guests seen on two machines at once. ``loss``: of calls, on the way there, and as many on the way back.
    """

    loss = 0.0

    def __init__(self, root, count, seed, clock, loop):
        self.root, self.clock, self.loop = root, clock, loop
        self.chance = random.Random(seed)
        self.random = SeededRandom(seed)
        self.network = MemoryNetwork()
        self.stragglers = Stragglers(self.network)
        self.disks = PaperDisks()
        self.doubles = []
        self.machines = {}
        # Some machines are no candidates: they vote and keep no state.
        self.first = first_state(
            nodes=count,
            candidates=count - self.chance.randint(0, count // 3),
            master_ip="10.0.0.100",
            master_netdev="br0",
            watcher_paused_until=0.0,
            **TEMPLATES,
        )
        self.promised = set()  # tags that a master said yes to, since somebody last vouched for machines that are off
        self.machines = {node.name: Machine(node, self) for node in self.first.nodes}
        self.acknowledged = []
        self.begun_anew = 0  # how many were acknowledged before somebody last vouched
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
        await self.stragglers.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def told(self, name, text):
        self.history.append((round(self.loop.time(), 2), name, text))

    def spawn(self, work):
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def look_for_doubles(self):
        running = Counter()
        for machine in self.machines.values():
            guests = machine.equipment.hypervisors["fake"]._guests
            running.update(name for name, guest in guests.items() if guest.state == "running")
        self.doubles += [(self.clock.now(), name) for name, count in running.items() if count > 1]

    def serving(self):
        return [machine for machine in self.machines.values() if machine.serving]

    def holders(self):
        """Of the cluster's address."""
        return [machine for machine in self.machines.values() if machine.equipment.address.held]

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
            await master.configuration.commit([evolve(cluster, tags=cluster.tags | {tag})])
        except GanetiError:
            return False
        if not machine.life.dead:
            self.acknowledged.append((self.loop.time(), master.term.number, machine.node.name))
            self.promised.add(tag)
        return True

    async def weather(self, count):
        for _ in range(count):
            await asyncio.sleep(self.chance.expovariate(0.1))
            machine = self.chance.choice(list(self.machines.values()))
            what = self.chance.choice(self.events())
            self.told(machine.node.name, what.__name__)
            await what(machine)

    def events(self):
        """What may happen, as often as it stands here."""
        changes = [self.toggle_power, self.split, self.cut_one_way, self.heal, self.mark, self.freeze]
        return [*changes, self.vouch, self.vote, self.vote]

    async def toggle_power(self, machine):
        if machine.powered:
            await machine.power_off()
            return
        if whose := self._vouched(machine.node.name):
            # Who has said that a machine is off brings it back with care: while who took over is there and hears it.
            if not all(other.powered for other in whose):
                return
            await self.heal(machine)
            for other in self.machines.values():
                other.awake.set()
        machine.power_on()

    async def split(self, machine):
        """A part of the machines is cut off from the rest."""
        hosts = [other.node.primary_ip for other in self.machines.values()]
        inside = set(self.chance.sample(hosts, self.chance.randint(1, len(hosts) - 1)))
        self.network.cut = {(a, b) for a in hosts for b in hosts if (a in inside) != (b in inside)}

    async def cut_off(self, machine):
        """From all others."""
        own, hosts = machine.node.primary_ip, [other.node.primary_ip for other in self.machines.values()]
        self.network.cut = {pair for host in hosts if host != own for pair in ((own, host), (host, own))}

    async def freeze(self, machine):
        """As by SIGSTOP, and SIGCONT after a while: its daemons stand still, and its kernel goes on."""
        machine.awake.clear()
        self.loop.call_later(self.chance.uniform(5, 90), machine.awake.set)

    async def cut_one_way(self, machine):
        other = self.chance.choice(list(self.machines.values()))
        if other is not machine:
            self.network.cut = self.network.cut | {(machine.node.primary_ip, other.node.primary_ip)}

    async def heal(self, machine):
        self.network.cut = set()

    async def vote(self, machine):
        if machine.powered and machine.masterd is None:
            self.spawn(self.take_over(machine, Rules(count_offline=self.chance.random() < 0.5)))

    async def vouch(self, machine):
        """Nobody says that the others are off unless they are."""
        others = [other for other in self.machines.values() if other is not machine]
        if machine.powered and machine.masterd is None and not any(other.powered for other in others):
            await self.heal(machine)
            self.spawn(self.take_over(machine, Rules(voting=False)))

    async def mark(self, machine):
        """Mark a machine offline, whether or not that is true, or take that back."""
        for master in self.serving():
            state = master.master.configuration.state
            node = state.get(type(machine.node), machine.node.uuid)
            if node.uuid != state.cluster.master_node:
                self.spawn(self._marked(master, evolve(node, offline=not node.offline)))

    async def _marked(self, master, node):
        """A master that is cut off answers when it is not any more, or never."""
        try:
            await master.master.configuration.commit([node])
        except GanetiError as error:
            self.told(master.node.name, error.message)

    async def take_over(self, machine, rules):
        worked = await machine.take_over(rules)
        self.told(machine.node.name, f"takes over by {rules}: {worked}")
        if worked and not rules.voting:
            # What only the others had is lost, as whoever vouched was told; and they may have had a newer term.
            self.promised.clear()
            self.begun_anew = len(self.acknowledged)

    def _vouched(self, name):
        """The machines where somebody has said that this one is off."""
        terms = [(machine, read_term(machine.paths.term)) for machine in self.machines.values()]
        return [machine for machine, term in terms if term and name in term.vouched]

    async def calm_down(self):
        """Everything has power and hears everything; there is a master, if need be a new one."""
        await self.heal(None)
        for machine in self.machines.values():
            machine.awake.set()
            if not machine.powered:
                machine.power_on()
        await asyncio.sleep(60)
        newest = sorted(self.machines.values(), key=lambda one: -one.disk.position().revision)
        for machine in newest:
            if not self.serving():
                term = read_term(machine.paths.term)
                if term and term.master == machine.node.name:
                    machine.start_masterd()
                    await asyncio.sleep(60)
                if not machine.serving:
                    await machine.take_over(Rules(count_offline=False))
                    await asyncio.sleep(60)
        found = [read_term(machine.paths.term) for machine in self.machines.values()]
        terms = [term for term in found if term]  # who has not joined yet has none
        highest = max(term.number for term in terms)
        if not self.serving() and len({term.master for term in terms if term.number == highest}) > 1:
            # Two masters of one term, one of them without a vote, both stop; which one continues, a person decides.
            await self.take_over(newest[0], Rules(voting=False))
            await asyncio.sleep(60)
