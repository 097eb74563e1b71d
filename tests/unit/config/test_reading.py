# SPDX-License-Identifier: BSD-2-Clause
"""A store that holds what cannot be read."""

import msgspec
import pytest

from ganeti.config.configuration import record_of
from ganeti.config.memory import MemoryStore
from ganeti.config.reading import read
from ganeti.errors import StoreFailed
from ganeti.model.disk import DiskTemplate
from ganeti.model.instance import Instance
from ganeti.model.job_filter import JobFilter
from ganeti.model.kind import Kind
from ganeti.model.nic import Nic
from ganeti.model.node import Node
from ganeti.rpc.contract.store import Batch, Record
from tests.cluster.world import first_state, stored


@pytest.fixture
async def store():
    made = MemoryStore()
    await stored(first_state(nodes=3), made)
    return made


async def spoil(store, kind, of, **changes):
    """Write something else into a record; the record as it is then."""
    (record,) = [r for r in store.load(kind) if msgspec.json.decode(r.body)["name"] == of]
    values = msgspec.json.decode(record.body) | changes
    spoilt = Record(kind, record.key, msgspec.Raw(msgspec.json.encode(values)))
    await store.write([Batch(revision=store.position().revision + 1, records=(spoilt,))])
    return spoilt


async def test_a_setting_that_cannot_be_read_counts_as_not_given(store):
    name = read(store).state.cluster.name
    spoilt = await spoil(store, Kind.CLUSTER, name, drained_queue="x", candidate_pool_size=[])
    reading = read(store)
    assert reading.state.cluster.drained_queue is False
    assert list(reading.problems.values()) == ["these settings count as not given: candidate_pool_size, drained_queue"]
    assert spoilt in store.all()


async def test_what_cannot_be_read_is_not_served_nor_what_refers_to_it_and_the_rest_is(store):
    gone = read(store).state.find(Node, "node3").uuid
    await spoil(store, Kind.NODE, "node3", primary_ip=7)
    lost = Record(Kind.INSTANCE, "u1", msgspec.Raw(b'{"uuid": "u1", "name": "web1"}'))
    await store.write([Batch(revision=store.position().revision + 1, records=(lost,))])
    reading = read(store)
    assert [node.name for node in reading.state.nodes] == ["node1", "node2"]
    assert reading.state.all_of(Instance) == []
    assert {what.split()[0] for what in reading.problems} == {"node", "instance"}
    assert f"node {gone}" in reading.problems
    assert lost in store.all()


async def test_an_instance_whose_network_cannot_be_read_is_not_served(store):
    network = Record(Kind.NETWORK, "net1", msgspec.Raw(b'{"uuid": "net1", "name": "net1"}'))
    card = Nic(uuid="n1", mac="aa:00:00:00:00:01", network="net1")
    disks = DiskTemplate.DISKLESS
    instance = Instance(
        uuid="u1", name="web1", primary_node="uuid-node1", hypervisor="fake", disk_template=disks, nics=(card,)
    )
    await store.write([Batch(revision=store.position().revision + 1, records=(network, record_of(instance)))])
    reading = read(store)
    assert (reading.state.networks, reading.state.instances) == ([], [])
    assert sorted(reading.problems) == ["instance u1", "network net1"]


async def test_a_filter_is_not_served_in_part_for_other_jobs_than_it_is_for(store):
    whole = JobFilter(uuid="f1", name="f1", watermark=1, action="REJECT", predicates=(("opcode", ["?", "OP_ID"]),))
    await store.write([Batch(revision=store.position().revision + 1, records=(record_of(whole),))])
    assert read(store).state.all_of(JobFilter) == [whole]
    await spoil(store, Kind.FILTER, "f1", predicates=7)
    reading = read(store)
    assert (reading.state.all_of(JobFilter), list(reading.problems)) == ([], ["filter f1"])


async def test_without_a_cluster_there_is_nothing_to_serve(store):
    name = read(store).state.cluster.name
    await spoil(store, Kind.CLUSTER, name, name=None)
    with pytest.raises(StoreFailed, match="restore it from another master candidate"):
        read(store)
    assert store.load(Kind.CLUSTER)
