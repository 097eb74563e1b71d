# SPDX-License-Identifier: BSD-2-Clause
"""Operations on instances, through jobs and node calls."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.guest import guest_of
from ganeti.model.instance import AdminState
from ganeti.rpc.contract.instance import StartGuest
from tests.cluster.cluster import running


async def test_a_created_instance_runs_on_its_node(cluster):
    await cluster.add("web1", node="node2")
    assert await cluster.list("instance", "name", "pnode", "status") == [["web1", "node2", "running"]]
    assert await cluster.nodes["node2"].guests() == {"web1": "running"}


async def test_a_creation_with_a_node_that_is_not_there_changes_nothing(cluster):
    before = cluster.state
    with pytest.raises(errors.UnknownEntity, match="Node 'node9' not known"):
        await cluster.add("web1", node="node9")
    assert cluster.state is before


async def test_a_name_is_given_once_only(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.AlreadyExists, match="'web1' is already in the cluster"):
        await cluster.add("web1", node="node2")


async def test_stopping_and_starting_is_remembered(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert cluster.instance("web1").admin_state is AdminState.DOWN
    assert await cluster.list("instance", "status", "oper_ram") == [["ADMIN_down", None]]
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status", "oper_ram") == [["running", 128]]


async def test_stopping_without_remembering_leaves_it_wanted(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1", no_remember=True)
    assert await cluster.list("instance", "status") == [["ERROR_down"]]


async def test_starting_what_runs_does_no_harm(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.nodes["node1"].guests() == {"web1": "running"}


@pytest.mark.parametrize("how", ["soft", "hard", "full"])
async def test_a_reboot_leaves_it_running(cluster, how):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type=how)
    assert await cluster.list("instance", "status") == [["running"]]


async def test_a_removed_instance_is_gone_with_its_disks(cluster):
    await cluster.add("web1")
    assert len(cluster.shared_disks) == 1
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert cluster.state.instances == []
    assert cluster.shared_disks == {}
    assert await cluster.nodes["node1"].guests() == {}


async def test_a_migration_moves_the_guest_and_the_configuration(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    job = await cluster.finished(number)
    assert job.status == "success", job
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {"web1": "running"}, {}]
    assert any("downtime" in line for line in cluster.log(number))


async def test_what_is_stopped_cannot_be_migrated_but_failed_over(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongState, match="not running"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "status") == [["node2", "ADMIN_down"]]


async def test_disks_on_one_node_cannot_be_moved_by_a_migration(cluster):
    await cluster.add("web1", template="file")
    with pytest.raises(errors.WrongState, match="on one node only"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")


async def test_a_failover_stops_here_and_starts_there(cluster):
    await cluster.add("web1")
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert [await node.guests() for node in cluster.nodes.values()] == [{}, {}, {"web1": "running"}]


async def test_an_instance_of_a_silent_node_is_not_started_elsewhere_before_the_node_is_declared_down(cluster):
    await cluster.add("web1", node="node2")
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.WrongState, match=r"gnt-node modify -O yes node2"):
        await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.nodes["node3"].guests() == {}
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", offline=True, force=True)
    await cluster.run("OP_INSTANCE_FAILOVER", instance_name="web1", target_node="node3")
    assert await cluster.list("instance", "pnode", "status") == [["node3", "running"]]


async def test_a_guest_that_runs_elsewhere_is_not_started_a_second_time(cluster):
    await cluster.add("web1", start=False)
    guest = await started_by_hand(cluster, "web1", "node3")
    with pytest.raises(errors.WrongState, match="running on node3; it must not be started a second time"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await cluster.list("instance", "status") == [["ERROR_wrongnode"]]
    assert guest


async def started_by_hand(cluster, name, node):
    """Somebody starts a guest behind the master's back."""
    guest = guest_of(cluster.state, cluster.instance(name))
    await cluster.master.nodes.call(cluster.node(node), StartGuest(guest=guest))
    return guest


async def test_too_little_memory_is_told_with_figures(cluster):
    with pytest.raises(errors.InsufficientResources, match=r"node1 has \d+ MiB of free memory, web1 needs 32768 MiB"):
        await cluster.add("web1", beparams={"memory": "32g"})


async def test_the_instance_policy_is_kept(cluster):
    with pytest.raises(errors.WrongInput, match="cpu-count is 9; the policy allows 1 to 8"):
        await cluster.add("web1", beparams={"vcpus": 9})
    await cluster.add("web1", beparams={"vcpus": 9}, ignore_ipolicy=True)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"beparams": {"foo": 1}}, "there is no parameter 'foo'; known are always_failover"),
        ({"beparams": {"maxmem": "lots"}}, "'lots' is not a size"),
        ({"beparams": {"minmem": 256, "maxmem": 128}}, "more than maxmem"),
        ({"hvparams": {"migration_mode": "live"}}, "whole cluster only"),
        ({"hypervisor": "kvm"}, "'kvm' is not enabled in this cluster; enabled are fake"),
        ({"disk_template": "plain"}, "'plain' is not enabled"),
        ({"disks": [{"size": 64, "color": "red"}]}, "Disk 0: there is no parameter 'color'"),
        ({"disks": [{"size": "-5"}]}, "'-5' is not a size"),
        ({"disks": []}, "needs a disk"),
        ({"file_storage_dir": "../../etc"}, "must be a path below"),
        ({"file_storage_dir": "/etc"}, "must be a path below"),
        ({"nics": [{"mac": "01:00:00:00:00:01"}]}, "is not the MAC address of a card"),
        ({"nics": [{"ip": "300.1.1.1"}]}, "'300.1.1.1' is not an IP address"),
        ({"nics": [{"mode": "magic"}]}, "'magic' is not allowed; choose from bridged, routed, openvswitch"),
        ({"instance_name": "../../etc/passwd"}, "expected a host name"),
        ({"os_type": "../evil"}, "expected an OS name"),
        ({"mode": "import"}, "'import' is not supported yet"),
    ],
)
async def test_bad_input_is_told_by_the_parameters_name_and_changes_nothing(cluster, parameters, told):
    before = cluster.state
    with pytest.raises(errors.CheckFailed) as caught:
        await cluster.add(parameters.pop("instance_name", "web1"), start=False, **parameters)
    assert told in caught.value.message
    assert cluster.state is before
    assert cluster.shared_disks == {}


async def test_a_failing_step_is_undone(cluster):
    cluster.nodes["node1"].equipment.storages["sharedfile"].create = failing
    with pytest.raises(errors.ExecutionFailed, match="disk broke"):
        await cluster.add("web1", start=False, disks=[{"size": 64}, {"size": 64}])
    assert cluster.state.instances == []
    assert cluster.shared_disks == {}


async def failing(*args, **more):
    raise errors.ExecutionFailed("the disk broke")


async def test_mac_addresses_are_unique(cluster):
    await cluster.add("web1", nics=[{"mac": "aa:00:00:00:00:01"}], start=False)
    with pytest.raises(errors.NotUnique, match="aa:00:00:00:00:01 is in use"):
        await cluster.add("web2", nics=[{"mac": "AA:00:00:00:00:01"}], start=False)


async def test_many_are_created_by_jobs_of_their_own(cluster):
    common = {"disk_template": "diskless", "no_install": True, "name_check": False, "ip_check": False}
    specifications = [{"instance_name": f"i{n}", "pnode": f"node{n % 3 + 1}", **common} for n in range(20)]
    result = await cluster.run("OP_INSTANCE_MULTI_ALLOC", instances=specifications)
    jobs = [await cluster.finished(number) for _, number in result["jobs"]]
    assert {job.status for job in jobs} == {"success"}
    assert len(cluster.state.instances) == 20


async def test_a_description_holds_all_that_is_known(cluster):
    await cluster.add("web1")
    (data,) = (await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]})).values()
    assert (data["name"], data["pnode"], data["run_state"], data["config_state"]) == ("web1", "node1", "up", "up")
    assert data["disks"][0]["size"] == 64


async def test_a_guest_that_powers_itself_off_is_known_at_once_and_stays_off_if_that_is_allowed(tmp_path):
    async with running(tmp_path, enabled_user_shutdown=True) as cluster:
        await cluster.add("web1")
        uuid = cluster.instance("web1").uuid
        cluster.nodes["node1"].hypervisor().end("web1")
        number = max(tracked.job.id for tracked in cluster.master.queue) + 1
        while cluster.instance("web1").admin_state is AdminState.UP:
            await asyncio.sleep(0.01)
        assert uuid not in cluster.master.live.guests_on("uuid-node1")
        await cluster.finished(number)
        assert await cluster.list("instance", "status") == [["USER_down"]]


async def test_a_console_is_that_of_a_running_guest(cluster):
    await cluster.add("web1")
    access = await cluster.call("Read", {"OP_ID": "OP_INSTANCE_CONSOLE", "instance_name": "web1"})
    assert (access["instance"], access["kind"]) == ("web1", "msg")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    with pytest.raises(errors.WrongState, match="not running, so it has no console"):
        await cluster.run("OP_INSTANCE_CONSOLE", instance_name="web1")
