# SPDX-License-Identifier: BSD-2-Clause
"""Orders and accidents on machines that each may become the master; all by a seed.

What one master has promised, the next ones keep: jobs, instances, disks and guests are looked at across failovers.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from ganeti import errors
from ganeti.config.configuration import read_state
from ganeti.errors import GanetiError
from ganeti.model.job import JobStatus
from ganeti.node.membership import candidates
from tests.simulation.invariants import PATIENCE, attended, examine, examine_jobs, examine_replicas
from tests.simulation.machines import Machine, Machines
from tests.simulation.scenes import SCENES, STRANGER
from tests.simulation.storm import NAMES, migrated, trace
from tests.simulation.virtual import VirtualClock, run


@dataclass
class Order:
    """A job whose number was given out for good. ``seen``: how it was shown to end, for good."""

    mark: str
    number: int
    seen: JobStatus | None = None


class Tempest(Machines):
    """Every fourth has somebody's word in place of votes (``--no-voting``), which may cost what was acknowledged."""

    loss = 0.01

    def __init__(self, root, seed, clock, loop):
        super().__init__(root, 3, seed, clock, loop)
        self.words_count = seed % 4 == 3
        self.vouched = False
        self.orders = []
        self.marking = {}  # the number of the job that marks a machine offline, by its name
        self.machines[STRANGER.name] = Machine(STRANGER, self)

    # What the invariants look at.

    @property
    def nodes(self):
        return self.machines

    @property
    def master(self):
        (machine,) = self.serving()
        return machine.master

    @property
    def state(self):
        return self.master.configuration.state

    @property
    def accepted(self):
        return [order.number for order in self.bound]

    @property
    def bound(self):
        """The orders that every master must know, unless somebody's word has counted in place of votes."""
        return [] if self.vouched else self.orders

    async def run(self, wire_name, **parameters):
        """Run an operation as a job of whoever serves. Raises what it ended with."""
        (machine,) = self.serving()
        number = await self.submit(machine, wire_name, parameters)
        tracked = machine.master.queue.get(number)
        async with asyncio.timeout(PATIENCE):
            while not tracked.job.status.final:
                await tracked.changed()
        if tracked.job.status is not JobStatus.SUCCESS:
            raise errors.decode(tracked.job.steps[0].result)

    async def pause_watcher(self, until):
        (machine,) = self.serving()
        await machine.methods["SetWatcherPause"](until)

    async def submit(self, machine, wire_name, parameters):
        return await machine.methods["SubmitJob"]([{"OP_ID": wire_name, **parameters}])

    # Customers.

    async def customer(self, orders):
        name = f"customer{self.chance.random()}"
        for number in range(orders):
            await asyncio.sleep(self.chance.expovariate(0.3))
            if serving := self.serving():
                await self.order(self.chance.choice(serving), f"{name}/{number}")

    async def order(self, machine, mark):
        """Submit what comes to mind, and wait for it or not."""
        scene = self.chance.choices(SCENES, [scene.often for scene in SCENES])[0]
        node = self.chance.choice(self.first.nodes).name
        parameters = scene.parameters(self.chance.choice(NAMES), node)
        life = machine.life
        try:
            number = await self.submit(machine, scene.wire_name, {**parameters, "reason": [["customer", mark, 0]]})
        except GanetiError:
            return
        if life.dead:
            return  # nobody has heard of the number
        order = Order(mark, number)
        if binding(machine.master):
            self.orders.append(order)
        if self.chance.random() < 0.5:
            await self.watch(machine, life, order)

    async def watch(self, machine, life, order):
        """Wait as a client does who is cut off when the master dies."""
        tracked = machine.master.queue.get(order.number)
        while not life.dead and machine.serving:
            if tracked.job.status.final:
                order.seen = tracked.job.status if binding(machine.master) else None
                return
            await asyncio.sleep(0.5)

    # Accidents.

    def events(self):
        known = [event for event in super().events() if self.words_count or event != self.vouch]
        small = [self.restart_noded, self.restart_masterd, self.fill_disk, self.slow_disk, self.jump]
        return [
            *known,
            self.heal,
            self.repair,
            self.repair,
            self.restore,
            self.restore,
            *small,
            self.install_the_stranger_anew,
        ]

    async def toggle_power(self, machine):
        if not machine.powered and not await self.marked(machine):
            return  # who says that a machine is down waits for that before it comes back
        await super().toggle_power(machine)

    async def mark(self, machine):
        """As ``gnt-node modify --offline``: of a machine that has no power, or that is back."""
        if self.serving() and await self.marked(machine):
            if not machine.powered:
                self.marking[machine.node.name] = None  # until its number is known
            self.spawn(self.change(machine, offline=not machine.powered))

    async def change(self, machine, **role):
        """As an administrator who waits for a master that may be cut off."""
        for master in self.serving()[:1]:
            parameters = {"node_name": machine.node.name, "force": True, **role}
            with suppress(GanetiError):
                number = await self.submit(master, "OP_NODE_SET_PARAMS", parameters)
                if role.get("offline"):
                    self.marking[machine.node.name] = number

    async def marked(self, machine):
        """Whether nobody is about to mark a machine."""
        name = machine.node.name
        if name in self.marking:
            queues = [one.master.queue for one in self.serving()]
            found = [queue.find(self.marking[name] or 0) for queue in queues]
            if not found or not all(tracked and tracked.job.status.final for tracked in found):
                return False
            del self.marking[name]
        return True

    async def repair(self, machine):
        """An administrator comes: whatever has no power gets it, and the network is mended."""
        await self.heal(machine)
        for one in self.machines.values():
            if not one.powered:
                await self.toggle_power(one)

    async def restore(self, machine):
        """Make a machine a master candidate again."""
        self.spawn(self.change(machine, master_candidate=True))

    async def take_over(self, machine, rules):
        self.vouched = self.vouched or not rules.voting
        await super().take_over(machine, rules)

    async def restart_noded(self, machine):
        if machine.powered:
            machine.kill_noded()
            await asyncio.sleep(self.chance.random() * 3)
            machine.start_noded()

    async def restart_masterd(self, machine):
        if machine.powered and machine.masterd:
            await machine.kill_masterd()
            await asyncio.sleep(self.chance.random() * 3)
            machine.start_masterd()

    async def fill_disk(self, machine):
        machine.disk.full = not machine.disk.full

    async def slow_disk(self, machine):
        machine.disk.slowness = self.chance.choice([0.0, 0.5, 20.0])

    async def jump(self, machine):
        machine.clock.ahead = self.chance.choice([0.0, self.chance.uniform(-3600, 3600)])

    async def install_the_stranger_anew(self, machine):
        """Only while it is no member, for all that anybody knows: a member would have to be added again."""
        known = any(self.knows_the_stranger(one) for one in self.machines.values())
        for serving in [] if known else self.serving()[:1]:
            master = serving.master
            self.join(self.machines[STRANGER.name], master.term, master.configuration.state.candidates)

    def knows_the_stranger(self, machine):
        return machine.disk.position().revision and STRANGER.name in {n.name for n in read_state(machine.disk).nodes}

    def join(self, machine, term, candidates):
        """As ``gnt-node add``, up to the credentials, with the node daemon started anew."""
        machine.kill_noded()
        machine.enter(term, [node.name for node in candidates])
        if machine.powered:
            machine.start_noded()

    # The end.

    async def calm_down(self):
        self.loss = 0.0
        for machine in self.machines.values():
            machine.disk.full, machine.disk.slowness, machine.clock.ahead = False, 0.0, 0.0
        await super().calm_down()

    async def ended(self):
        """Return when all jobs have come to their end."""
        async with asyncio.timeout(PATIENCE):
            while open_jobs := [tracked for tracked in self.master.queue if not tracked.job.status.final]:
                await open_jobs[0].changed()

    async def settle(self):
        """What an administrator does after such a day.

        Machines are added anew that do not know the cluster, or not that the master is a candidate, since it became
        one while they were cut off; nodes are marked as they are, migrations cleaned up.
        """
        for machine in self.machines.values():
            if self.master.term.master not in candidates(machine.paths):
                self.join(machine, self.master.term, self.state.candidates)
        for node in self.state.nodes:
            if node.offline:
                await self.run("OP_NODE_SET_PARAMS", node_name=node.name, offline=False)
        for node in self.state.nodes:
            await self.master.live.settled(node.uuid, 60)
        for instance in migrated(self.state):
            await self.run("OP_INSTANCE_MIGRATE", instance_name=instance.name, cleanup=True)


def binding(master):
    """Whether what a master shows is shown for good.

    Not while it counts less than half of the nodes: the others may come back without it and elect another one, where
    the marks as offline are not known (decision 21).
    """
    state = master.configuration.state
    return 2 * len(state.online_nodes) >= len(state.nodes)


def examine_orders(tempest):
    """What was promised is there, once, and ended as it was shown."""
    found = [(mark, tracked.job) for tracked in tempest.master.queue if (mark := mark_of(tracked.job))]
    assert [mark for mark, count in Counter(mark for mark, _ in found).items() if count > 1] == []
    ends = {mark: job.status for mark, job in found}
    assert [order for order in tempest.bound if order.mark not in ends] == []
    assert [order for order in tempest.bound if order.seen and ends[order.mark] is not order.seen] == []


def mark_of(job):
    """Of the order that a job carries out; None for a job of the cluster's own, or of a job's."""
    trail = msgspec.json.decode(job.steps[0].input).get("reason") or [["", None, 0]]
    source, mark, _ = trail[0]
    return mark if source == "customer" else None


def survive(root, seed):
    """Raise AssertionError for the damage that the tempest of a seed leaves; what was seen."""

    async def main(loop):
        tempest = Tempest(root, seed, VirtualClock(loop), loop)
        await tempest.start()
        try:
            customers = asyncio.gather(*(tempest.customer(20) for _ in range(3)))
            await tempest.weather(20)
            await tempest.calm_down()  # a master that is cut off lets its customers wait
            await customers
            await tempest.ended()
            await tempest.settle()
            await attended(tempest, tempest.pause_watcher)
            examine_orders(tempest)
            if tempest.vouched:
                assert tempest.doubles == []
                examine_jobs(tempest)
                await examine_replicas(tempest)
            else:
                await examine(tempest)
            return tempest.history, trace(tempest.master.queue)
        except Exception as error:
            error.add_note("\n".join(map(str, tempest.history)))
            raise
        finally:
            await tempest.stop()

    return run(main)
