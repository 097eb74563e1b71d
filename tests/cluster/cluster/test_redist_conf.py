# SPDX-License-Identifier: BSD-2-Clause
"""Nodes get once more what they should have."""

from ganeti.config.configuration import read_state


async def warned(cluster):
    number = await cluster.submit("OP_CLUSTER_REDIST_CONF")
    assert (await cluster.finished(number)).status == "success"
    return [line for line in cluster.log(number) if "WARNING" in line]


async def test_what_was_lost_on_a_candidate_is_there_again(cluster):
    paths = cluster.nodes["node2"].paths
    cluster.nodes["node1"].paths.rapi_users.parent.mkdir(parents=True, exist_ok=True)
    cluster.nodes["node1"].paths.rapi_users.write_text("alice secret write\n")
    paths.ca_key.unlink(missing_ok=True)
    paths.ssconf("cluster_name").unlink(missing_ok=True)
    assert await warned(cluster) == []
    assert paths.ca_key.read_text() == cluster.nodes["node1"].paths.ca_key.read_text()
    assert paths.rapi_users.read_text() == "alice secret write\n"
    assert paths.ssconf("cluster_name").read_text().strip() == "cluster"
    assert read_state(cluster.nodes["node2"].store) == cluster.state


async def test_a_silent_node_is_named_and_the_others_get_theirs(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    cluster.nodes["node2"].paths.ssconf("cluster_name").unlink(missing_ok=True)
    told = "\n".join(await warned(cluster))
    assert "could not be written on node3" in told
    assert cluster.nodes["node2"].paths.ssconf("cluster_name").exists()
