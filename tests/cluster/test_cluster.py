# SPDX-License-Identifier: BSD-2-Clause
"""The cluster as a whole: its parameters, and finding out what is wrong with it."""

import pytest

from ganeti import errors
from ganeti.model.entity import evolve
from ganeti.model.guest import guest_of
from ganeti.node.master_ip import MasterIp
from ganeti.rpc.contract.instance import StartGuest


async def verify(cluster, **parameters):
    """(whether all is well, what was said)."""
    result = await cluster.run("OP_CLUSTER_VERIFY", **parameters)
    good, said = True, []
    for _, number in result["jobs"]:
        job = await cluster.finished(number)
        assert str(job.status) == "success", job
        good = good and job.steps[0].result
        said += cluster.log(number)
    return good, [line.strip(" -") for line in said if "ERROR" in line or "WARNING" in line]


async def test_a_healthy_cluster_verifies(cluster):
    await cluster.add("web1")
    assert await verify(cluster) == (True, [])


async def test_a_stopped_guest_that_should_run_is_found(cluster):
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    good, said = await verify(cluster)
    assert not good
    assert said == ["ERROR: instance web1: should run on node1, and does not"]


async def test_errors_have_codes_for_programs_and_can_be_passed_over(cluster):
    await cluster.add("web1")
    cluster.nodes["node1"].hypervisor().end("web1")
    _, said = await verify(cluster, error_codes=True)
    assert said == ["ERROR:EINSTANCEDOWN:instance:web1:should run on node1, and does not"]
    assert await verify(cluster, error_codes=True, ignore_errors=["EINSTANCEDOWN"]) == (
        True,
        ["WARNING:EINSTANCEDOWN:instance:web1:should run on node1, and does not"],
    )


async def test_a_guest_on_the_wrong_node_and_one_that_nobody_knows_are_found(cluster):
    await cluster.add("web1", start=False)
    await cluster.add("web2", start=False)
    for name, node in (("web1", "node2"), ("web2", "node3")):
        guest = guest_of(cluster.state, cluster.instance(name))
        await cluster.master.nodes.call(cluster.node(node), StartGuest(guest=guest))
    await cluster.master.configuration.commit(deletes=[cluster.instance("web2")])
    _, said = await verify(cluster)
    assert "ERROR: instance web1: runs on node node2, and should on node1" in said
    assert "ERROR: node node3: runs web2, which is not in the cluster" in said


async def test_a_missing_disk_is_found(cluster):
    await cluster.add("web1")
    cluster.shared_disks.clear()
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
    assert any("replica of the configuration on node3 is behind" in line for line in said)


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


async def test_parameters_of_the_cluster_are_inherited_by_instances(cluster):
    await cluster.add("web1", start=False)
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "1g", "vcpus": 2})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus", "custom_beparams") == [[1024, 2, {}]]
    await cluster.run("OP_CLUSTER_SET_PARAMS", beparams={"maxmem": "default"})
    assert await cluster.list("instance", "be/maxmem", "be/vcpus") == [[128, 2]]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Nothing to change"),
        ({"hvparams": {"kvm": {"nope": 1}}}, "Parameter 'hvparams' of kvm: there is no parameter 'nope'"),
        ({"hvparams": {"vmware": {}}}, "'vmware' is not supported; choose from kvm, fake"),
        ({"hvparams": {"kvm": {"disk_cache": "fast"}}}, "'fast' is not allowed; choose from default, none, write"),
        ({"mac_prefix": "zz"}, "not the beginning of a MAC address"),
        ({"candidate_pool_size": 0}, "expected a whole number of at least 1"),
        ({"file_storage_dir": "relative"}, "is not an absolute path"),
        ({"ipolicy": {"vcpu-ratio": "many"}}, "Parameter 'vcpu-ratio'"),
        ({"enabled_disk_templates": ["drbd"]}, "'drbd' is not supported; choose from diskless, file, sharedfile"),
        ({"vg_name": "xenvg"}, "Parameter 'vg_name' is not supported yet"),
        ({"beparams": {"minmem": "2g", "maxmem": "1g"}}, "more than maxmem"),
    ],
)
async def test_bad_parameters_are_told_and_change_nothing(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.WrongInput) as caught:
        await cluster.run("OP_CLUSTER_SET_PARAMS", **parameters)
    assert told in caught.value.message
    assert cluster.state is before


async def test_what_instances_use_cannot_be_switched_off(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="'sharedfile' is in use by instance web1"):
        await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_disk_templates=["file"])


async def test_a_larger_pool_promotes_nodes(cluster):
    await cluster.master.configuration.commit([evolve(cluster.node("node3"), master_candidate=False)])
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=5)
    assert await cluster.list("node", "role") == [["M"], ["C"], ["C"]]


async def test_a_cluster_with_anything_in_it_is_not_destroyed(cluster):
    with pytest.raises(errors.WrongState, match="node2, node3"):
        await cluster.run("OP_CLUSTER_DESTROY")


async def test_a_destroyed_cluster_gives_up_its_address(cluster, monkeypatch):
    set_addresses = []

    async def set_address(self, call, report):
        set_addresses.append((call.up, call.address, call.device))

    monkeypatch.setattr(MasterIp, "set", set_address)
    cluster.nodes["node1"].start()
    others = [node for node in cluster.state.nodes if node.name != "node1"]
    held = evolve(cluster.state.cluster, master_ip="192.0.2.10", master_netdev="br0")
    await cluster.master.configuration.commit([held], deletes=others)
    await cluster.run("OP_CLUSTER_DESTROY")
    assert set_addresses == [(False, "192.0.2.10", "br0")]


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


async def test_verification_is_a_job_for_the_configuration_and_one_for_each_group(cluster):
    result = await cluster.run("OP_CLUSTER_VERIFY")
    shown = [row for (row,) in await cluster.call("QueryJobs", [n for _, n in result["jobs"]], ["summary"])]
    assert shown == [["CLUSTER_VERIFY_CONFIG"], ["CLUSTER_VERIFY_GROUP(default)"]]
    assert await cluster.run("OP_CLUSTER_VERIFY_CONFIG") is True
    assert await cluster.run("OP_CLUSTER_VERIFY_GROUP", group_name="default") is True


async def test_providers_of_all_nodes_are_put_together(cluster):
    for name in ("node1", "node2", "node3"):
        provider(cluster.nodes[name].paths, "tiny", variants="default\n")
    provider(cluster.nodes["node1"].paths, "lonely")
    rows = await cluster.list("os", "name", "valid", "variants")
    assert rows == [["lonely", False, []], ["tiny", True, ["default"]]]
    found = await cluster.run("OP_OS_DIAGNOSE", output_fields=["name", "node_status"], names=["lonely"])
    ((name, status),) = found
    assert (name, [bool(status[node]) for node in sorted(status)]) == ("lonely", [True, False, False])


def provider(paths, name, variants=""):
    directory = paths.os_search_path[0] / name
    directory.mkdir(parents=True)
    (directory / "ganeti_api_version").write_text("20\n")
    (directory / "variants.list").write_text(variants)
    (directory / "parameters.list").write_text("message what to say\n")
    for script in ("create", "import", "export", "rename", "verify"):
        (directory / script).write_text("#!/bin/sh\nexit 0\n")
        (directory / script).chmod(0o755)
    if not variants:
        (directory / "variants.list").unlink()
