# SPDX-License-Identifier: BSD-2-Clause
"""Listing exports."""

import os

import pytest

from ganeti.declare.field import ValueStatus
from tests.cluster.backup.exported import cluster_with_exports, directory, export


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        await cluster.add("web1", template="plain", os_type="tiny", start=False)
        await export(cluster)
        yield cluster


async def test_each_export_is_a_row_with_its_node(cluster):
    await export(cluster, node="node3")
    assert await cluster.list("export", "node", "export") == [["node2", "web1"], ["node3", "web1"]]
    answer = await cluster.call("Query", "export", ["export"], ["|", ["=", "node", "node3"]])
    assert answer["data"] == [[[ValueStatus.NORMAL, "web1"]]]


async def test_when_it_was_finished_and_what_it_takes_can_be_listed(cluster):
    (directory(cluster, name="web1") / "more").write_bytes(bytes(2**20))
    os.utime(directory(cluster, name="web1") / "config.ini", (1e9, 1e9))
    assert await cluster.list("export", "date", "size") == [[1e9, 2]]


async def test_what_is_not_whole_is_none(cluster):
    for name in (".web2.new", "web3", "web4"):
        directory(cluster, name=name).mkdir()
    (directory(cluster, name="web4") / "config.ini").symlink_to("/etc/passwd")
    directory(cluster, name="web5").symlink_to(directory(cluster, name="web1"))
    assert await cluster.list("export", "export") == [["web1"]]


async def test_a_node_that_does_not_answer_is_told_as_one(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    answer = await cluster.call("Query", "export", ["node", "export"], None)
    cells = [[tuple(cell) for cell in row] for row in answer["data"]]
    assert [(ValueStatus.NORMAL, "node3"), (ValueStatus.NO_DATA, None)] in cells
    assert [(ValueStatus.NORMAL, "node2"), (ValueStatus.NORMAL, "web1")] in cells


async def test_more_than_are_told_is_told(cluster, monkeypatch):
    monkeypatch.setattr("ganeti.node.exports.MOST_EXPORTS", 0)
    answer = await cluster.call("Query", "export", ["node", "export"], None)
    assert [[ValueStatus.NORMAL, "node2"], [ValueStatus.NO_DATA, None]] in answer["data"]
