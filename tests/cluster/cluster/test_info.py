# SPDX-License-Identifier: BSD-2-Clause
"""What is known about the cluster."""

import pytest

from ganeti import errors


async def test_the_description_is_what_tools_expect(cluster):
    data = await cluster.call("QueryClusterInfo")
    assert (data["name"], data["master"], data["os_api_version"]) == ("cluster", "node1", 20)
    assert data["beparams"]["default"]["maxmem"] == 128
    assert data["hvparams"]["kvm"]["kernel_path"] == "/boot/vmlinuz-3-kvmU"


async def test_what_only_reads_needs_no_job(cluster):
    data = await cluster.call("Read", {"OP_ID": "OP_CLUSTER_QUERY"})
    assert data["name"] == "cluster"
    assert list(cluster.master.queue) == []
    with pytest.raises(errors.WrongInput, match="submit it as a job"):
        await cluster.call("Read", {"OP_ID": "OP_CLUSTER_DESTROY"})


async def test_what_only_reads_can_be_a_job_too(cluster):
    assert (await cluster.run("OP_CLUSTER_QUERY"))["name"] == "cluster"


async def test_a_description_takes_no_parameters(cluster):
    with pytest.raises(errors.WrongInput, match="'static'"):
        await cluster.run("OP_CLUSTER_QUERY", static=True)
