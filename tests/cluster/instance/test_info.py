# SPDX-License-Identifier: BSD-2-Clause
"""What is known about instances."""


async def test_a_description_holds_all_that_is_known(cluster):
    await cluster.add("web1")
    (data,) = (await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]})).values()
    assert (data["name"], data["pnode"], data["run_state"], data["config_state"]) == ("web1", "node1", "up", "up")
    assert data["disks"][0]["size"] == 64
