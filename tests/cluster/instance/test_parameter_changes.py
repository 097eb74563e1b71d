# SPDX-License-Identifier: BSD-2-Clause
"""Other parameters for an instance that is there."""

import pytest

from ganeti import errors
from ganeti.model.instance import AdminState
from tests.cluster.network.nets import networked
from tests.cluster.os.test_diagnose import provider


async def modify(cluster, **more):
    return await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **more)


async def test_what_is_given_is_changed_and_told(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", hypervisor="kvm", start=False)
    told = await modify(cluster, beparams={"memory": "256m", "vcpus": 2}, hvparams={"boot_order": "network"})
    assert told == [("hv/boot_order", "network"), ("be/maxmem", 256), ("be/minmem", 256), ("be/vcpus", 2)]
    web = cluster.instance("web1")
    assert web.beparams == {"maxmem": 256, "minmem": 256, "vcpus": 2}
    assert web.hvparams == {"boot_order": "network"}
    assert await modify(cluster, beparams={"vcpus": "default"}) == [("be/vcpus", "default")]
    assert cluster.instance("web1").beparams == {"maxmem": 256, "minmem": 256}


async def test_of_a_running_instance_it_counts_from_the_next_start_on(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"vcpus": 3})
    assert (await cluster.finished(number)).status == "success"
    assert any("with what it was started with, until its next start" in line for line in cluster.log(number))
    assert await cluster.list("instance", "be/vcpus", "oper_vcpus") == [[3, 1]]
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert await cluster.list("instance", "be/vcpus", "oper_vcpus") == [[3, 3]]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "Nothing to change"),
        ({"beparams": {"vcpus": 0}}, "'vcpus': expected a whole number of at least 1"),
        ({"beparams": {"cpus": 2}}, "did you mean 'vcpus'?"),
        ({"beparams": {"minmem": 512}}, "minmem"),
        ({"hvparams": {"nosuch": 1}}, "there is no parameter 'nosuch'"),
        ({"os_name": "nosuch"}, "OS 'nosuch' cannot be installed on node1"),
        ({"osparams": {"a=b": 1}}, "Parameter 'osparams': 'a=b' is no name of a parameter"),
        ({"osparams_private": {"key": "x\0"}}, "Parameter 'osparams_private': 'key' must be a text or a number"),
        ({"nics": [["add", -1, {"link": "br\n0"}]]}, "'link': expected a text without control characters"),
        ({"pnode": "node9"}, "Node 'node9' not known"),
        ({"disks": [["add", -1, {"size": "1x"}]]}, "Disk change 0: parameter 'size': '1x' is not a size"),
        ({"disks": [["attach", -1, {"size": 1}]]}, "'attach'"),
        ({"disks": [["add"]]}, "Disk change 0: expected a list of action, which, values"),
        ({"disks": [["modify", 7, {"mode": "ro"}]]}, "There is no disk 7; there are 1"),
        ({"disks": [["modify", "data", {"mode": "ro"}]]}, "There is no disk data"),
        ({"disks": [["modify", 0, {"size": 5}]]}, "size cannot be changed"),
        ({"disks": [["add", 3, {"size": 5}]]}, "A disk cannot be added as number 3: the next one is number 1"),
        ({"disks": [["add", -1, {}]]}, "Disk 1: parameter 'size' is missing"),
        ({"disks": [["add", -1, {"size": 0}]]}, "expected a whole number of at least 1"),
        ({"disks": [["modify", 0, {"name": "1"}]]}, "parameter 'name': expected a name that is not a number"),
        ({"nics": [["modify", 0, {"name": "-1"}]]}, "parameter 'name': expected a name that is not a number"),
        ({"disks": [["add", -1, {"size": 5, "vg": "xenvg"}]]}, "Disk 1: parameter 'vg' is for template plain or drbd"),
        ({"disks": [["remove", 0, {}]]}, "The last disk of web1 cannot be removed"),
        ({"disks": [["remove", 0, {"size": 5}]]}, "Disk 0 is to be removed, so it has no size"),
        ({"disks": [["add", -1, {"size": 4}]] * 16}, "an instance has at most 16"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(cluster, parameters, told):
    await cluster.add("web1", start=False)
    before = cluster.instance("web1")
    with pytest.raises(errors.GanetiError) as caught:
        await modify(cluster, **parameters)
    assert told in caught.value.message
    assert cluster.instance("web1") == before


async def test_everything_that_is_wrong_is_told_at_once(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongInput) as caught:
        await modify(
            cluster,
            beparams={"vcpus": 0},
            hvparams={"nosuch": 1},
            nics=[["remove", 5, {}], ["modify", 0, {"ip": "nowhere"}]],
            disks=[["modify", 7, {"mode": "ro"}], ["add", -1, {"size": 5, "vg": "xenvg"}]],
        )
    wrong = ("vcpus", "nosuch", "NIC 5", "'nowhere' is not an IP address", "disk 7", "parameter 'vg'")
    assert [word for word in wrong if word not in caught.value.message] == []


async def test_more_memory_than_its_node_has_is_refused_unless_forced(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongState, match=r"could not be started on node1 then: it needs \d+ MiB of memory"):
        await modify(cluster, beparams={"memory": "16t"}, ignore_ipolicy=True)
    await modify(cluster, beparams={"memory": "16t"}, ignore_ipolicy=True, force=True)
    assert cluster.instance("web1").beparams["maxmem"] == 16 * 1024**2


async def test_what_the_policy_forbids_is_refused_unless_it_is_ignored(cluster):
    await cluster.add("web1", start=False)
    with pytest.raises(errors.WrongInput, match="forbids this"):
        await modify(cluster, beparams={"vcpus": 99})
    await modify(cluster, beparams={"vcpus": 99}, ignore_ipolicy=True)


async def test_os_parameters_are_changed_and_private_ones_are_not_told(cluster):
    await cluster.add("web1", start=False)
    paths = cluster.nodes["node1"].paths
    provider(paths, "debian", "default")
    (paths.os_search_path[0] / "debian/parameters.list").write_text("dhcp how it gets its address\nkey of its access\n")
    told = await modify(cluster, os_name="debian+default", osparams={"dhcp": "yes"}, osparams_private={"key": "s3cret"})
    assert told == [("os", "debian+default"), ("os/dhcp", "yes"), ("os_private/key", "<redacted>")]
    web = cluster.instance("web1")
    assert (web.os, web.osparams, web.osparams_private) == ("debian+default", {"dhcp": "yes"}, {"key": "s3cret"})
    await modify(cluster, osparams={"dhcp": "default"})
    assert cluster.instance("web1").osparams == {}


async def test_an_instance_that_is_marked_offline_is_not_started_until_the_mark_is_taken_back(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="stop it first"):
        await modify(cluster, offline=True)
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert await modify(cluster, offline=True) == [("admin_state", "offline")]
    with pytest.raises(errors.WrongState, match="is marked offline"):
        await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    assert await modify(cluster, offline=False) == [("admin_state", "down")]
    await cluster.run("OP_INSTANCE_STARTUP", instance_name="web1")
    await modify(cluster, offline=False)
    assert cluster.instance("web1").admin_state is AdminState.UP


async def test_a_node_that_lacks_its_disks_becomes_its_primary_node_only_if_forced(cluster):
    await cluster.add("web1", template="file", start=False)
    with pytest.raises(errors.WrongState, match=r"node3 has not all disks of web1: disk/0: .*--force"):
        await modify(cluster, pnode="node3")
    await modify(cluster, pnode="node3", force=True)
    assert await cluster.list("instance", "pnode") == [["node3"]]


async def test_of_a_node_that_does_not_answer_it_is_told_what_to_do_and_force_does_not_ask_it(cluster):
    await cluster.add("web1", pnode="node2", start=False)
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.NodeUnreachable, match=r"--force .*gnt-node modify -O yes node2"):
        await modify(cluster, beparams={"vcpus": 2})
    with pytest.raises(errors.NodeUnreachable):
        await modify(cluster, disks=[["add", -1, {"size": 64}]])
    await modify(cluster, beparams={"vcpus": 2}, force=True)


async def test_what_a_guest_does_not_notice_is_not_said_to_wait_for_its_next_start(cluster):
    await cluster.add("web1")
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"auto_balance": False})
    assert (await cluster.finished(number)).status == "success"
    assert not any("next start" in line for line in cluster.log(number))


async def test_a_new_primary_node_is_written_down_and_its_disks_are_left_where_they_are(cluster):
    await cluster.add("web1", template="sharedfile", start=False)
    disks = cluster.instance("web1").disks
    assert await modify(cluster, pnode="node3") == [("pnode", "node3")]
    assert await cluster.list("instance", "pnode") == [["node3"]]
    assert cluster.instance("web1").disks == disks


async def test_a_new_primary_node_gets_what_is_new_of_its_disks(cluster):
    await cluster.add("web1", template="sharedfile", start=False)
    await modify(cluster, pnode="node3", disks=[["add", -1, {"size": 64}]])
    assert await cluster.list("instance", "pnode", "disk.count") == [["node3", 2]]


async def test_an_instance_that_gets_another_template_can_get_other_parameters_with_it(cluster):
    await cluster.add("web1", template="sharedfile", start=False)
    await modify(cluster, disk_template="file", beparams={"vcpus": 2})
    assert await cluster.list("instance", "disk_template", "be/vcpus") == [["file", 2]]


async def test_what_a_new_primary_node_says_against_it_counts_and_not_what_the_old_one_does(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", template="sharedfile", hypervisor="kvm", nics=[{}], start=False)
    cluster.nodes["node3"].equipment.cards.drivers["bridged"].links = {"br7"}
    with pytest.raises(errors.WrongState, match="could not be started on node3 then: There is no bridge"):
        await modify(cluster, pnode="node3", beparams={"vcpus": 2})


async def test_a_node_where_its_networks_are_not_does_not_become_its_primary_node(tmp_path):
    async with networked(tmp_path) as cluster:
        await cluster.add("web1", template="sharedfile", nics=[{"network": "net1"}], start=False)
        await cluster.run("OP_GROUP_ADD", group_name="rack2")
        await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node3"])
        with pytest.raises(errors.WrongState, match="Network net1, which web1 uses, is not connected"):
            await modify(cluster, pnode="node3")
