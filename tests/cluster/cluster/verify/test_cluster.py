# SPDX-License-Identifier: BSD-2-Clause
"""Finding out what is wrong with the cluster."""

import pytest

from ganeti import errors
from tests.cluster.cluster.verify.findings import verify


async def test_a_healthy_cluster_verifies(cluster):
    await cluster.add("web1")
    assert await verify(cluster) == (True, [])


async def test_a_stopped_guest_that_should_run_is_found(cluster):
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    good, said = await verify(cluster)
    assert not good
    assert said == ["ERROR: instance web1: should be running on node1, but is not"]


async def test_errors_have_codes_for_programs_and_can_be_passed_over(cluster):
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    _, said = await verify(cluster, error_codes=True)
    assert said == ["ERROR:EINSTANCEDOWN:instance:web1:should be running on node1, but is not"]
    assert await verify(cluster, error_codes=True, ignore_errors=["EINSTANCEDOWN"]) == (
        True,
        ["WARNING:EINSTANCEDOWN:instance:web1:should be running on node1, but is not"],
    )


async def test_a_guest_on_the_wrong_node_and_one_that_nobody_knows_are_found(cluster):
    await cluster.add("web1", start=False)
    await cluster.add("web2", start=False)
    for name, node in (("web1", "node2"), ("web2", "node3")):
        await cluster.start_by_hand(name, node)
    await cluster.master.configuration.commit(deletes=[cluster.instance("web2")])
    _, said = await verify(cluster)
    assert "ERROR: instance web1: runs on node node2 instead of node1" in said
    assert "ERROR: node node3: runs web2, which is not in the configuration" in said


async def test_a_missing_disk_is_found(cluster):
    await cluster.add("web1")
    cluster.disks.shared.clear()
    _, said = await verify(cluster)
    assert any(line.startswith("ERROR: instance web1: disk/0 on node1:") for line in said)


async def test_a_silent_node_is_found(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    _, said = await verify(cluster)
    assert any(line.startswith("ERROR: node node3: does not answer") for line in said)


async def test_a_stale_replica_is_found(cluster):
    cluster.nodes["node3"].store.full = True
    await cluster.run("OP_TEST_DELAY", duration=0)
    _, said = await verify(cluster)
    assert any("replica of the configuration on node3 is stale" in line for line in said)


async def test_an_instance_outside_the_policy_is_found(cluster):
    await cluster.add("web1", beparams={"vcpus": 9}, ignore_ipolicy=True)
    _, said = await verify(cluster)
    assert said == ["ERROR: instance web1: cpu-count is 9; the policy allows 1 to 8"]


async def test_instances_that_would_fit_nowhere_else_are_found(cluster):
    for n in range(1, 4):
        await cluster.add(f"big{n}", node=f"node{n}", beparams={"memory": "20g"})
    _, said = await verify(cluster)
    assert len([line for line in said if "not enough memory on other nodes" in line]) == 3
    assert await verify(cluster, skip_checks=["nplusone_mem"]) == (True, [])


async def test_every_check_can_be_made_to_fail(cluster):
    good, said = await verify(cluster, debug_simulate_errors=True)
    assert not good
    assert len(said) >= 5


async def test_verification_is_a_job_for_the_configuration_and_one_for_each_group(cluster):
    result = await cluster.run("OP_CLUSTER_VERIFY")
    shown = [row for (row,) in await cluster.call("QueryJobs", [n for _, n in result["jobs"]], ["summary"])]
    assert shown == [["CLUSTER_VERIFY_CONFIG"], ["CLUSTER_VERIFY_GROUP(default)"]]


async def test_a_group_that_is_not_there_cannot_be_verified(cluster):
    with pytest.raises(errors.UnknownEntity, match="'attic' not known"):
        await cluster.run("OP_CLUSTER_VERIFY", group_name="attic")
