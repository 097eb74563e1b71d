# SPDX-License-Identifier: BSD-2-Clause
"""That candidates keep what the master keeps."""

import msgspec
import pytest

from ganeti.config.memory import MemoryStore
from ganeti.config.sqlite import SqliteStore
from ganeti.config.store import FORMAT, digests
from ganeti.errors import StoreFailed
from ganeti.model.entity import evolve
from ganeti.rpc.contract.store import Position, Record
from tests.cluster.cluster.verify.findings import found, verify


def forge(store):
    """Other content at the same revision."""
    key = next(key for key in store._records if key[0] == "node")
    store._records[key] = Record(*key, msgspec.Raw(b'{"forged": true}'))


async def test_replicas_that_are_alike_are_fine(cluster):
    await cluster.add("web1")
    assert await found(cluster) == []


async def test_a_replica_with_other_content_at_the_same_revision_is_found(cluster):
    await cluster.run("OP_TEST_DELAY", duration=0)
    forge(cluster.nodes["node3"].store)
    assert await found(cluster) == [
        (
            "ECLUSTERFILECHECK::the replica of the configuration on node3 has other content than the master's at the "
            "same revision (node)"
        )
    ]


async def test_a_replica_that_does_not_answer_is_found(cluster):
    await cluster.run("OP_TEST_DELAY", duration=0)
    cluster.network.cut_off.add("10.0.0.3")
    _, said = await verify(cluster, error_codes=True)
    assert any(
        line.startswith("WARNING:ECLUSTERFILECHECK:cluster::the replica of the configuration on node3") for line in said
    )


async def test_a_replica_that_does_not_count_in_this_masters_term_is_found(cluster):
    await cluster.run("OP_TEST_DELAY", duration=0)
    node = cluster.nodes["node3"]
    node.paths.replica_term.unlink()
    node.start()
    problems = await cluster.master.replication.problems()
    assert problems == {"node3": "is none: this master has not made it whole yet"}


async def test_a_masters_store_that_cannot_be_read_is_a_finding_and_the_other_checks_go_on(cluster, monkeypatch):
    async def broken(_parts):
        raise StoreFailed("the file is damaged")

    monkeypatch.setattr(cluster.store, "digested", broken)
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    assert await found(cluster) == [
        (
            "ECLUSTERFILECHECK::the replica of the configuration on node2 could not be compared with the master's: "
            "the file is damaged"
        ),
        (
            "ECLUSTERFILECHECK::the replica of the configuration on node3 could not be compared with the master's: "
            "the file is damaged"
        ),
        "EINSTANCEDOWN:web1:should be running on node1, but is not",
    ]


async def test_after_the_first_look_only_what_was_not_alike_is_looked_at_again(cluster, monkeypatch):
    await cluster.run("OP_TEST_DELAY", duration=0)
    looked = []
    digested = cluster.store.digested

    async def remembered(parts):
        looked.append(parts)
        found = await digested(parts)
        return found if parts else evolve(found, revision=0)  # of another moment than the replicas

    forge(cluster.nodes["node3"].store)
    monkeypatch.setattr(cluster.store, "digested", remembered)
    assert list(await cluster.master.replication.problems()) == ["node3"]
    assert looked == [(), ("node",)]


@pytest.mark.parametrize("make", [lambda path: SqliteStore(path / "cluster.db"), lambda _: MemoryStore()])
async def test_a_part_is_digested_alone_as_it_is_among_all(make, tmp_path):
    keys = {
        "node": ["b", "a"],
        "job": ["1", "10", "1000", "10005", "10999", "109"],
        "job-log": ["10005/000001", "10005/000002", "7/000001"],
    }
    records = [Record(kind, key, msgspec.Raw(b"[]")) for kind, of_kind in keys.items() for key in of_kind]
    store = make(tmp_path)
    await store.replace(Position(FORMAT, 7), records)
    whole = (await store.digested()).digests
    assert whole.keys() == {"node", "job/", "job/1", "job/10", "job-log/", "job-log/10"}
    for part, digest in whole.items():
        assert (await store.digested([part])).digests == {part: digest}
    store.close()


async def test_what_is_compared_is_of_one_moment_while_others_write(tmp_path):
    store = SqliteStore(tmp_path / "cluster.db")
    records = [Record("node", "b", msgspec.Raw(b"{}")), Record("job", "1", msgspec.Raw(b"[]"))]
    await store.replace(Position(FORMAT, 7), records)
    expected = digests([("job", "1", "[]"), ("node", "b", "{}")])
    assert await store.digested() == Position(FORMAT, 7, digests=expected)
    store.close()
