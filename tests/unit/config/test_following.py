# SPDX-License-Identifier: BSD-2-Clause
"""The state is followed in a database that another process writes."""

import msgspec
import pytest

from ganeti.config.configuration import record_of
from ganeti.config.following import Follower
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import FORMAT, JOB
from ganeti.errors import StoreFailed
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.nic import Nic
from ganeti.rpc.contract.store import Batch, Position, Record
from tests.cluster.world import first_state


def instance(name, uuid, mac):
    nic = Nic(uuid=f"nic-{uuid}", mac=mac)
    return Instance(
        uuid=uuid, name=name, primary_node="uuid-node1", hypervisor="fake", disk_template="diskless", nics=(nic,)
    )


ONE, TWO = instance("one", "uuid-1", "aa:00:00:00:00:01"), instance("two", "uuid-2", "aa:00:00:00:00:02")


class Writer:
    """What a master daemon or a node daemon does to the file."""

    def __init__(self, path):
        self.store = SqliteStore(path)
        self.revision = 1

    async def begin(self, state):
        records = [record_of(entity) for entities in state.entities.values() for entity in entities.values()]
        await self.store.replace(Position(FORMAT, 1), records)

    async def write(self, *records):
        self.revision += 1
        await self.store.write([Batch(revision=self.revision, records=records)])


@pytest.fixture
async def writer(tmp_path):
    made = Writer(tmp_path / "cluster.db")
    await made.begin(first_state().changed([ONE, TWO]))
    yield made
    made.store.close()


@pytest.fixture
def follower(tmp_path):
    return Follower(tmp_path / "cluster.db")


def test_where_there_is_no_state_there_is_none(follower):
    assert follower.look() is None


async def test_what_is_there_is_found(writer, follower):
    found = follower.look()
    assert ([one.name for one in found.state.instances], found.revision) == (["one", "two"], 1)


async def test_it_is_the_same_object_until_something_in_it_changes(writer, follower):
    found = follower.look()
    await writer.write(Record(JOB, "1", msgspec.Raw(b"{}")))
    assert follower.look() is found
    await writer.write(record_of(evolve(ONE, os="debian")))
    new = follower.look()
    assert (new.state.get(Instance, "uuid-1").os, new.revision) == ("debian", 3)
    assert new.state.get(Instance, "uuid-2") is found.state.get(Instance, "uuid-2")
    assert follower.look() is follower.look() is new


async def test_what_is_not_written_to_is_not_read_again(writer, follower, monkeypatch):
    reads = []
    monkeypatch.setattr(Follower, "_rows", lambda self, rows=Follower._rows: reads.append(1) or rows(self))
    for written in (2, 4):  # once more after each change, for the clock of files ticks
        for _ in range(4):
            follower.look()
        assert len(reads) == written
        await writer.write(record_of(evolve(ONE, os=f"debian-{written}")))


async def test_names_and_addresses_may_go_from_one_to_another(writer, follower):
    follower.look()
    swapped = evolve(ONE, name="two", nics=TWO.nics), evolve(TWO, name="one", nics=ONE.nics)
    await writer.write(*map(record_of, swapped))
    state = follower.look().state
    assert state.find(Instance, "one").uuid == "uuid-2"
    assert state.macs["aa:00:00:00:00:01"] == "uuid-2"


async def test_what_is_removed_is_gone(writer, follower):
    follower.look()
    await writer.write(Record("instance", "uuid-1"))
    assert [one.name for one in follower.look().state.instances] == ["two"]


async def test_what_cannot_be_read_is_left_out_until_it_can(writer, follower):
    await writer.write(Record("instance", "uuid-1", msgspec.Raw(b'{"uuid":"uuid-1"}')))
    assert [one.name for one in follower.look().state.instances] == ["two"]
    await writer.write(record_of(ONE))
    assert [one.name for one in follower.look().state.instances] == ["one", "two"]


async def test_when_the_file_goes_the_state_goes_and_another_one_may_come(writer, follower, tmp_path):
    assert follower.look()
    writer.store.close()
    for path in tmp_path.glob("cluster.db*"):
        path.unlink()
    assert follower.look() is None
    again = Writer(tmp_path / "cluster.db")
    await again.begin(first_state(nodes=1))
    assert [node.name for node in follower.look().state.nodes] == ["node1"]
    again.store.close()


async def test_a_file_of_other_software_is_told(writer, follower):
    await writer.store.replace(Position(FORMAT + 1, 9), [])
    with pytest.raises(StoreFailed, match=f"has format {FORMAT + 1}"):
        follower.look()


async def test_a_file_that_is_no_database_is_told(tmp_path, follower):
    (tmp_path / "cluster.db").write_text("nothing of the kind" * 100)
    with pytest.raises(StoreFailed, match="cannot be read"):
        follower.look()
