# SPDX-License-Identifier: BSD-2-Clause
"""Nodes get once more what they should have."""

import pytest

from ganeti import errors
from ganeti.config.configuration import read_state


async def test_what_was_lost_on_a_candidate_is_there_again(cluster):
    master, paths = cluster.nodes["node1"].paths, cluster.nodes["node2"].paths
    master.rapi_users.parent.mkdir(parents=True, exist_ok=True)
    master.rapi_users.write_text("alice secret write\n")
    paths.ca_key.unlink(missing_ok=True)
    paths.ssconf("cluster_name").unlink(missing_ok=True)
    await cluster.run("OP_CLUSTER_REDIST_CONF")
    assert paths.ca_key.read_text() == master.ca_key.read_text()
    assert paths.rapi_users.read_text() == "alice secret write\n"
    assert paths.ssconf("cluster_name").read_text().strip() == "cluster"
    assert read_state(cluster.nodes["node2"].store) == cluster.state


async def test_a_silent_node_is_named_and_the_others_get_theirs(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    cluster.nodes["node2"].paths.ssconf("cluster_name").unlink(missing_ok=True)
    number = await cluster.submit("OP_CLUSTER_REDIST_CONF")
    assert (await cluster.finished(number)).status == "success"
    told = "\n".join(cluster.log(number))
    assert "a master candidate could not be written on node3" in told
    assert "ssconf files could not be written on node3" in told
    assert cluster.nodes["node2"].paths.ssconf("cluster_name").exists()


async def test_it_takes_no_parameters(cluster):
    with pytest.raises(errors.WrongInput, match="no parameter 'force'"):
        await cluster.run("OP_CLUSTER_REDIST_CONF", force=True)
