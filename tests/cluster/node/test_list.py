# SPDX-License-Identifier: BSD-2-Clause
"""Nodes in a list."""


async def test_a_node_with_console_data_is_described_live(cluster):
    ((name, total, free, primaries),) = [
        row for row in await cluster.list("node", "name", "mtotal", "mfree", "pinst_cnt") if row[0] == "node2"
    ]
    assert (name, primaries) == ("node2", 0)
    assert 0 < free < total


async def test_a_silent_node_is_shown_without_data(cluster):
    cluster.network.cut_off.add("10.0.0.2")
    table = await cluster.call("Query", "node", ["name", "mfree"], ["=", "name", "node2"])
    assert table["data"] == [[[0, "node2"], [2, None]]]
