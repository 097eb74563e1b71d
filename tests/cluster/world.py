# SPDX-License-Identifier: BSD-2-Clause
"""A cluster for tests: its first state, and the parts of the world that a master needs."""

import random
import uuid

from ganeti.config.configuration import record_of
from ganeti.config.store import FORMAT
from ganeti.errors import ResolverError
from ganeti.model.cluster import Cluster
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.model.parameters.policy import Bounds, Policy, Spec
from ganeti.model.state import State
from ganeti.rpc.contract.store import Position
from tests.cluster.papers import first_certificate

# Instances of tests are small.
POLICY = Policy(minmax=(Bounds(min=Spec(disk_count=0, nic_count=0, memory_size=4, disk_size=4)),))


class FixedClock:
    """Shows what it is told."""

    def __init__(self, moment=0.0):
        self.moment = moment

    def now(self):
        return self.moment


class SeededRandom:
    """The same sequence for the same seed."""

    def __init__(self, seed=0):
        self._random = random.Random(seed)

    def uuid(self):
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def octets(self, count):
        return self._random.randbytes(count)


class NoResolver:
    """A DNS that knows what it was told."""

    def __init__(self, **names):
        self.names = names
        self.alive = set()

    async def resolve(self, name, version=None):
        if name not in self.names:
            raise ResolverError(f"The name '{name}' has no address")
        return name, self.names[name]

    async def answers(self, address, port):
        return address in self.alive


# A test whose guests end by accident and stay so has none that starts them.
UNWATCHED = 4e9  # seconds since the epoch


def first_state(nodes=3, candidates=3, networks=(), **cluster):
    """A cluster of ``node1``, ``node2`` ... at 10.0.0.1, 10.0.0.2 ..., the first the master.

    The networks are connected to bridge br0.
    """
    connected = {network.uuid: {"mode": "bridged", "link": "br0", "vlan": ""} for network in networks}
    group = Group(uuid="group-default", name="default", serial_no=1, networks=connected)
    members = [
        Node(
            uuid=f"uuid-node{n}",
            name=f"node{n}",
            primary_ip=f"10.0.0.{n}",
            group=group.uuid,
            serial_no=1,
            master_candidate=n <= candidates,
            certificate=first_certificate(f"node{n}"),
        )
        for n in range(1, nodes + 1)
    ]
    settings = {
        "enabled_hypervisors": ("fake",),
        "ipolicy": POLICY,
        "candidate_pool_size": candidates,
        "watcher_paused_until": UNWATCHED,
        "confd_key": "0123456789abcdef0123456789abcdef01234567",
        **cluster,
    }
    made = Cluster(uuid="uuid-cluster", name="cluster", master_node=members[0].uuid, serial_no=1, **settings)
    return State().changed([*networks, group, *members, made])


async def stored(state, store):
    """A store that holds a state."""
    records = [record_of(entity) for entities in state.entities.values() for entity in entities.values()]
    await store.replace(Position(FORMAT, 1), records)
    return store
