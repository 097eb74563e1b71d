# SPDX-License-Identifier: BSD-2-Clause
"""What is known about instances."""

import pytest

from ganeti import errors


async def test_a_description_holds_all_that_is_known(cluster):
    await cluster.add("web1")
    (data,) = (await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]})).values()
    assert (data["name"], data["pnode"], data["run_state"], data["config_state"]) == ("web1", "node1", "up", "up")
    assert data["disks"][0]["size"] == 64


async def test_an_instance_that_is_not_there_is_not_described(cluster):
    with pytest.raises(errors.UnknownEntity, match="'web9' not known"):
        await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web9"])
