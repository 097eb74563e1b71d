# SPDX-License-Identifier: BSD-2-Clause
"""A master and its nodes in one process: real code on a network, machines and disks of paper."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from ganeti import errors
from ganeti.config.memory import MemoryStore
from ganeti.daemons.masterd.master import Master, Surroundings
from ganeti.daemons.masterd.methods import Methods
from ganeti.daemons.masterd.watcher.files import WatcherFiles
from ganeti.daemons.noded import belonging
from ganeti.host.clock import WallClock
from ganeti.host.files import write_atomic
from ganeti.host.iallocators import Iallocators
from ganeti.host.paths import Paths
from ganeti.model.guest import guest_of
from ganeti.model.instance import Instance
from ganeti.model.job import JobStatus
from ganeti.model.node import Node
from ganeti.node.equipment import PaperDisks, on_paper
from ganeti.node.machine import PaperMachine
from ganeti.node.membership import KnownCandidates, candidate_files, forget_candidacy
from ganeti.node.paper_channel import PaperCopies
from ganeti.node.replica import Replica
from ganeti.node.service import handlers
from ganeti.rpc.authority import Authority, Term, write_term
from ganeti.rpc.contract.instance import StartGuest
from ganeti.rpc.memory import MemoryNetwork, MemoryTransport
from ganeti.rpc.server import Dispatcher
from tests.cluster.papers import FilePapers, equip
from tests.cluster.providers import PaperProviders
from tests.cluster.world import NoResolver, SeededRandom, first_state, stored

SETTLED = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class PluggedMachine(PaperMachine):
    """Reaches what is plugged into the network."""

    network: MemoryNetwork | None = None

    async def reaches(self, address, port):
        try:
            return bool(self.network.entrance(address))
        except errors.NodeUnreachable:
            return False


class Farewell(asyncio.Event):
    """What a node daemon sets when it has left its cluster; ``end`` ends it."""

    def __init__(self, end):
        super().__init__()
        self._end = end

    def set(self):
        super().set()
        self._end()


class PaperNode:
    """A machine with a node daemon; ``unplug`` is a power cut of its network, guests and disks stay."""

    def __init__(self, node, root, *, network, disks, master, clock):
        self.node = node
        self.paths = Paths(root / node.name)
        self.equipment = on_paper(node.name, self.paths, clock, disks, PluggedMachine(network=network))
        self._network = network
        self.providers = PaperProviders(self.equipment)
        self.papers = FilePapers(self.paths)
        for directory in ("/srv/ganeti/file-storage", "/srv/ganeti/shared-file-storage"):
            self.paths.under(directory).mkdir(parents=True)
        self.enter(master)

    def enter(self, master, by=None):
        """Get the cluster's credentials, and start the node daemon with them; see ``equip``."""
        write_term(self.paths.term, Term(1, master))
        write_atomic(self.paths.ssconf("master_candidates"), master)
        equip(self.paths, self.node.name, candidate=self.node.name == master, by=by)
        self.store = MemoryStore()
        self.start()

    def start(self):
        """Start the node daemon, anew if it ran before."""
        authority = Authority(self.paths.term, KnownCandidates(self.paths))
        replica = Replica(lambda: self.store, authority, self.node.name, self.paths.replica_term, self._forget)
        stop = Farewell(lambda: self._network.unplug(self.node.primary_ip, answer))
        calls = {
            **handlers(self.equipment),
            **self.providers.handlers,
            **belonging(self.paths, authority, replica, stop),
        }
        answer = Dispatcher(calls, authority).answer
        self._network.plug(self.node.primary_ip, answer, self.papers)

    def kill_daemon(self):
        self._network.unplug(self.node.primary_ip)

    def hypervisor(self, kind="fake"):
        return self.equipment.hypervisors[kind]

    async def guests(self, kind="fake"):
        return {guest.name: guest.state for guest in await self.hypervisor(kind).list()}

    def _forget(self, place):
        self.store = MemoryStore()
        forget_candidacy(self.paths, place)


class PaperCluster:
    """``store`` is the master's disk: it survives the master. ``copying``: that of another cluster, if there is one."""

    def __init__(self, root, state, seed=0, clock=None, copying=None):
        self.root = root
        self.clock = clock or WallClock()
        self.network = MemoryNetwork()
        self.store = MemoryStore()
        self.random = SeededRandom(seed)
        self.resolver = NoResolver()
        self.disks = PaperDisks(copying=copying or PaperCopies())
        self.master = None
        self.methods = None
        self._starts = 0
        self._state = state
        master = state.master.name
        self.nodes = {n.name: self.machine(n, master) for n in state.nodes}

    def machine(self, node, master):
        world = {"network": self.network, "disks": self.disks, "clock": self.clock}
        return PaperNode(node, self.root, master=master, **world)

    def new_machine(self, number):
        """A machine with credentials of the cluster, that the cluster does not know yet."""
        node = Node(uuid="", name=f"node{number}", primary_ip=f"10.0.0.{number}", group="")
        self.nodes[node.name] = self.machine(node, self._state.master.name)

    async def start(self):
        """Start a master daemon on what is stored, the first time on the first state."""
        if self.store.position().revision == 0:
            await stored(self._state, self.store)
        self._starts += 1
        self.master = Master(self.surroundings())
        self.methods = Methods(self.master, None).table()
        await self.master.start()
        for node in self.state.nodes:
            if node.primary_ip not in self.network.cut_off and not node.offline:
                await self.master.live.settled(node.uuid, SETTLED)

    def surroundings(self, **changes):
        """What the master has of the world."""
        own = self.nodes[self._state.master.name]
        world = {
            "store": self.store,
            "transport": MemoryTransport(self.network, own.papers, own.node.primary_ip),
            "clock": self.clock,
            "random": self.random,
            "resolver": self.resolver,
            "allocators": Iallocators([self.root / "iallocators"]),
            "candidate_files": lambda: candidate_files(own.paths),
            "watcher_files": WatcherFiles(own.paths),
            "term": Term(1, own.node.name),
            "start": self._starts,
        }
        return Surroundings(**(world | changes))

    async def stop(self):
        await self.master.stop()

    @property
    def state(self):
        return self.master.configuration.state

    def instance(self, name):
        return self.state.find(Instance, name)

    def node(self, name):
        return self.state.find(Node, name)

    async def call(self, method, *args):
        """As a local program would ask, through JSON and back."""
        answer = await self.methods[method](*msgspec.json.decode(msgspec.json.encode(args)))
        return msgspec.json.decode(msgspec.json.encode(answer))

    async def relay(self, method, *args):
        return msgspec.Raw(msgspec.json.encode(await self.call(method, *args)))

    async def submit(self, wire_name, **parameters):
        return await self.call("SubmitJob", [{"OP_ID": wire_name, **parameters}])

    async def finished(self, number):
        """The job when it has ended."""
        tracked = self.master.queue.get(number)
        while not tracked.job.status.final:
            await tracked.changed()
        return tracked.job

    async def run(self, wire_name, **parameters):
        """Run an operation as a job; its result. Raises what it ended with."""
        job = await self.finished(await self.submit(wire_name, **parameters))
        if job.status is JobStatus.SUCCESS:
            return job.steps[0].result
        raise errors.decode(job.steps[0].result)

    def log(self, number):
        return [entry.text for entry in self.master.queue.get(number).log]

    async def add(self, name, node="node1", template="sharedfile", **more):
        """Create an instance with what it must have."""
        disks = [] if template == "diskless" else [{"size": 64}]
        parameters = {
            "mode": "create",
            "disk_template": template,
            "disks": disks,
            "nics": [{}],
            "pnode": node,
            "no_install": True,
            "name_check": False,
            "ip_check": False,
            **more,
        }
        result = await self.run("OP_INSTANCE_CREATE", instance_name=name, **parameters)
        if more.get("start", True):
            await self.run("OP_INSTANCE_STARTUP", instance_name=name)
        return result

    async def start_by_hand(self, name, node):
        """Start an instance's guest behind the master's back."""
        guest = guest_of(self.state, self.instance(name))
        await self.master.nodes.call(self.node(node), StartGuest(guest=guest))

    async def tags(self, kind, name=None):
        return await self.call("Read", {"OP_ID": "OP_TAGS_GET", "kind": kind, "name": name})

    async def list(self, what, *fields):
        table = await self.call("Query", what, list(fields), None)
        return [[value for _, value in cells] for cells in table["data"]]


@asynccontextmanager
async def running(root, *, copying=None, seed=0, **first):
    """A cluster that runs."""
    cluster = PaperCluster(root, first_state(**first), seed=seed, copying=copying)
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.stop()
