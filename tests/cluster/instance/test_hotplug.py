# SPDX-License-Identifier: BSD-2-Clause
"""Disks, network cards and memory of instances are changed while they run."""

import pytest

from ganeti import errors
from ganeti.model.disk import DiskUse
from ganeti.model.guest_state import GuestState
from tests.cluster.instance.mirrored import uses
from tests.cluster.paper import running

SETTINGS = {
    "enabled_disk_templates": ("plain", "drbd", "file", "sharedfile", "diskless", "ext"),
    "vg_name": "xenvg",
}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        yield cluster


async def modify(cluster, **changes):
    return await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", **changes)


async def add(cluster, template="plain", **more):
    secondary = {"snode": "node2"} if template == "drbd" else {}
    provider = {"provider": "san"} if template == "ext" else {}
    disks = [{"size": size, **provider} for size in (64, 8)]
    await cluster.add(
        "web1", template=template, disks=disks, nics=[{"link": "br0"}, {"link": "br1"}], **secondary, **more
    )


def hypervisor(cluster, node="node1"):
    return cluster.nodes[node].hypervisor("fake")


def guest(cluster, node="node1"):
    (found,) = hypervisor(cluster, node).started()
    return found


def sizes(devices):
    return [disk.size for disk in devices.disks]


def agrees(cluster, node="node1"):
    """Whether the guest has what its instance has."""
    own, runs = cluster.instance("web1"), guest(cluster, node)
    same = [d.uuid for d in own.disks] == [d.uuid for d in runs.disks]
    return same and [(n.uuid, n.mac) for n in own.nics] == [(n.uuid, n.mac) for n in runs.nics]


@pytest.mark.parametrize("template", ["plain", "drbd", "file", "sharedfile", "ext"])
async def test_disks_come_and_go_while_the_guest_runs_whatever_keeps_them(cluster, template):
    await add(cluster, template)
    before = guest(cluster).layout.places
    provider = {"provider": "san"} if template == "ext" else {}
    await modify(cluster, disks=[["add", 0, {"size": 16, **provider}], ["remove", -1, {}]])
    assert (sizes(cluster.instance("web1")), sizes(guest(cluster))) == ([16, 64], [16, 64])
    assert agrees(cluster)
    stays = cluster.instance("web1").disks[1].uuid
    assert guest(cluster).layout.places[stays] == before[stays]
    assert guest(cluster).layout == cluster.instance("web1").layout
    if template == "drbd":
        assert len(cluster.disks.copies) == 4
        assert uses(cluster, 0) == uses(cluster, 1) == {"node1": DiskUse.OWN, "node2": DiskUse.STANDBY}
    (described,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert described["pending"] == []


async def test_what_was_changed_moves_with_the_guest_and_has_its_place_at_the_next_start(cluster):
    await add(cluster, "sharedfile")
    await modify(cluster, disks=[["remove", 0, {}], ["add", 0, {"size": 16}]], nics=[["remove", 0, {}], ["add", {}]])
    places = guest(cluster).layout
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert (guest(cluster, "node2").layout, agrees(cluster, "node2")) == (places, True)
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert (guest(cluster, "node2").layout, agrees(cluster, "node2")) == (places, True)


async def test_cards_are_added_changed_and_removed(cluster):
    await add(cluster)
    places = guest(cluster).layout.places
    told = await modify(
        cluster, nics=[["remove", 0, {}], ["modify", 0, {"link": "br7"}], ["add", {"mac": "aa:00:00:00:00:99"}]]
    )
    assert ("nic.0", "remove") in told
    moved, new = guest(cluster).nics
    assert (moved.link, new.mac) == ("br7", "aa:00:00:00:00:99")
    await modify(cluster, nics=[["modify", 0, {"mac": "aa:00:00:00:00:98"}]])
    assert (agrees(cluster), guest(cluster).nics[0].mac) == (True, "aa:00:00:00:00:98")
    assert guest(cluster).layout.places[moved.uuid] == places[moved.uuid]


async def test_without_hotplug_the_guest_keeps_what_it_has_and_a_later_change_does_not_bring_it(cluster):
    await add(cluster)
    await modify(cluster, disks=[["add", {"size": 16}]], hotplug=False)
    assert sizes(guest(cluster)) == [64, 8]
    await modify(cluster, disks=[["add", {"size": 24}]])
    assert (sizes(cluster.instance("web1")), sizes(guest(cluster))) == ([64, 8, 16, 24], [64, 8, 24])
    with pytest.raises(errors.WrongState, match="is running on node1; stop it first"):
        await modify(cluster, disks=[["remove", 0, {}]], hotplug=False)


@pytest.mark.parametrize("possible", [False, True])
@pytest.mark.parametrize("template", ["plain", "drbd", "sharedfile"])
async def test_a_disk_that_waits_for_the_next_start_can_go_before_it(cluster, template, possible):
    await add(cluster, template)
    copies = len(cluster.disks.copies)
    await modify(cluster, disks=[["add", {"size": 16}]], hotplug=False)
    number = await cluster.submit(
        "OP_INSTANCE_SET_PARAMS",
        instance_name="web1",
        disks=[["remove", 2, {}]],
        hotplug_if_possible=possible,
        hotplug=not possible,
    )
    assert (await cluster.finished(number)).status == "success"
    assert possible or not any("until its next start" in line for line in cluster.log(number))
    assert (sizes(cluster.instance("web1")), agrees(cluster)) == ([64, 8], True)
    assert len(cluster.disks.copies) == copies
    (described,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert described["pending"] == []


@pytest.mark.parametrize(
    ("changes", "later"),
    [
        ({"disks": [["add", {"size": 16}]]}, "'gnt-instance modify --no-hotplug' does it at its next start"),
        ({"disks": [["remove", 0, {}]]}, "stop it first"),
        ({"nics": [["add", {}]]}, "'gnt-instance modify --no-hotplug' does it at its next start"),
    ],
)
async def test_what_cannot_be_done_now_is_refused_with_the_reason_and_what_does_it(cluster, changes, later):
    await add(cluster)
    hypervisor(cluster).pause("web1", GuestState.IO_ERROR, "disk/0 is full")
    before = cluster.instance("web1")
    with pytest.raises(errors.WrongState) as told:
        await modify(cluster, **changes)
    assert "web1 is running, and this cannot be changed meanwhile: it is io-error (disk/0 is full)" in str(told.value)
    assert later in str(told.value)
    assert cluster.instance("web1") == before


async def test_if_possible_means_at_the_next_start_where_it_is_not(cluster):
    await add(cluster)
    number = await cluster.submit(
        "OP_INSTANCE_SET_PARAMS", instance_name="web1", disks=[[0, {"mode": "ro"}]], hotplug_if_possible=True
    )
    assert (await cluster.finished(number)).status == "success"
    assert any(
        "web1 is not changed while it runs: disk/0 of web1 cannot become ro" in line for line in cluster.log(number)
    )
    assert any("until its next start" in line for line in cluster.log(number))
    assert (cluster.instance("web1").disks[0].mode, guest(cluster).disks[0].mode) == ("ro", "rw")
    hypervisor(cluster).pause("web1", GuestState.PAUSED)
    with pytest.raises(errors.WrongState, match="stop it first"):
        await modify(cluster, disks=[["remove", 0, {}]], hotplug_if_possible=True)


async def test_a_guest_that_does_not_let_go_has_all_that_it_had(cluster):
    await add(cluster, "drbd")
    hypervisor(cluster).stubborn.add("web1")
    before, runs = cluster.instance("web1"), guest(cluster)
    with pytest.raises(errors.HypervisorFailed, match="has not released"):
        await modify(cluster, disks=[["add", {"size": 16}], ["remove", 0, {}]])
    assert (cluster.instance("web1"), guest(cluster)) == (before, runs)
    assert len(cluster.disks.copies) == 4
    hypervisor(cluster).stubborn.clear()
    await modify(cluster, disks=[["add", {"size": 16}], ["remove", 0, {}]])
    assert sizes(guest(cluster)) == [8, 16]


async def pending(cluster):
    (described,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    return described["pending"]


async def test_cpus_come_and_go_with_the_devices_move_with_the_guest_and_are_there_at_the_next_start(cluster):
    await add(cluster, "sharedfile", beparams={"vcpus": 2}, hvparams={"max_vcpus": 4})
    number = await cluster.submit(
        "OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"vcpus": 3}, nics=[["add", {}]]
    )
    assert (await cluster.finished(number)).status == "success"
    assert not any("until its next start" in line for line in cluster.log(number))
    assert await cluster.list("instance", "be/vcpus", "oper_vcpus") == [[3, 3]]
    assert (guest(cluster).beparams.vcpus, agrees(cluster), await pending(cluster)) == (3, True, [])
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert guest(cluster, "node2").beparams.vcpus == 3
    await modify(cluster, beparams={"vcpus": "default"})
    assert guest(cluster, "node2").beparams.vcpus == 1
    runs = guest(cluster, "node2")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert guest(cluster, "node2") == runs


async def test_more_cpus_than_there_are_places_for_wait_for_the_next_start_if_that_is_wanted(cluster):
    await add(cluster, beparams={"vcpus": 2}, hvparams={"max_vcpus": 4})
    before = cluster.instance("web1")
    with pytest.raises(
        errors.WrongState, match=r"places for 4 vcpus \(max_vcpus\); 'gnt-instance modify --no-hotplug'"
    ):
        await modify(cluster, beparams={"vcpus": 5})
    assert cluster.instance("web1") == before
    await modify(cluster, beparams={"vcpus": 5}, hotplug=False)
    (wait,) = await pending(cluster)
    assert (wait[0], guest(cluster).beparams.vcpus) == ("vcpus", 2)
    await modify(cluster, nics=[["add", {}]])
    assert guest(cluster).beparams.vcpus == 2
    await modify(cluster, beparams={"vcpus": 4})
    assert (guest(cluster).beparams.vcpus, await pending(cluster)) == (4, [])


async def test_a_guest_that_was_started_without_such_places_gets_its_cpus_at_its_next_start(cluster):
    await add(cluster, beparams={"vcpus": 2})
    await modify(cluster, hvparams={"max_vcpus": 4})
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"vcpus": 3})
    assert (await cluster.finished(number)).status == "success"
    assert any("until its next start" in line for line in cluster.log(number))
    assert (cluster.instance("web1").beparams["vcpus"], guest(cluster).beparams.vcpus) == (3, 2)
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    await modify(cluster, beparams={"vcpus": 4})
    assert guest(cluster).beparams.vcpus == 4


async def test_a_guest_that_keeps_a_cpu_keeps_all_that_it_had(cluster):
    await add(cluster, beparams={"vcpus": 2}, hvparams={"max_vcpus": 4})
    hypervisor(cluster).stubborn.add("web1")
    before, runs = cluster.instance("web1"), guest(cluster)
    with pytest.raises(errors.HypervisorFailed, match="has not released a virtual CPU"):
        await modify(cluster, beparams={"vcpus": 1}, disks=[["add", {"size": 16}]])
    assert cluster.instance("web1") == before
    hypervisor(cluster).stubborn.clear()
    assert (guest(cluster).beparams, sizes(guest(cluster))) == (runs.beparams, sizes(runs))


async def test_memory_comes_and_goes_moves_with_the_guest_and_is_there_at_the_next_start(cluster):
    await add(cluster, "sharedfile", beparams={"maxmem": 256, "minmem": 128}, hvparams={"max_memory": 1024})
    number = await cluster.submit("OP_INSTANCE_SET_PARAMS", instance_name="web1", beparams={"memory": 512})
    assert (await cluster.finished(number)).status == "success"
    assert not any("until its next start" in line for line in cluster.log(number))
    assert await cluster.list("instance", "be/maxmem", "be/minmem", "oper_ram") == [[512, 512, 512]]
    assert (guest(cluster).base_memory, await pending(cluster)) == (256, [])
    await modify(cluster, beparams={"minmem": 128})
    assert (guest(cluster).beparams.minmem, await pending(cluster)) == (128, [])
    with pytest.raises(
        errors.WrongInput, match=r"from 384 MiB \(minmem, and 256 MiB that were plugged in\) to 512 MiB"
    ):
        await modify(cluster, runtime_mem=300)
    await modify(cluster, runtime_mem=400)
    await modify(cluster, beparams={"maxmem": 640})
    assert await cluster.list("instance", "oper_ram") == [[528]]
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "oper_ram") == [[528]]
    assert (guest(cluster, "node2").base_memory, guest(cluster, "node2").beparams.maxmem) == (256, 640)
    with pytest.raises(errors.WrongState, match=r"started with 256 MiB of memory.*--no-hotplug"):
        await modify(cluster, beparams={"maxmem": 200})
    with pytest.raises(
        errors.WrongState, match=r"room for 1024 MiB of memory \(max_memory\); 'gnt-instance modify --no-"
    ):
        await modify(cluster, beparams={"maxmem": 1200})
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert await cluster.list("instance", "oper_ram") == [[640]]
    assert guest(cluster, "node2").base_memory is None


async def test_a_guest_gets_no_memory_that_its_node_has_not(cluster):
    await add(cluster, beparams={"memory": 256}, hvparams={"max_memory": 8192})
    leave(cluster, "node1", 200)
    before = guest(cluster)
    with pytest.raises(errors.WrongState, match="needs 512 MiB of memory, and could have 256 on its primary node"):
        await modify(cluster, beparams={"memory": 512})
    assert guest(cluster) == before


async def test_a_guest_that_keeps_memory_keeps_all_that_it_had(cluster):
    await add(cluster, beparams={"maxmem": 256, "minmem": 128}, hvparams={"max_memory": 1024})
    await modify(cluster, beparams={"maxmem": 512})
    hypervisor(cluster).stubborn.add("web1")
    before, runs = cluster.instance("web1"), guest(cluster)
    with pytest.raises(errors.HypervisorFailed, match="has released 0 of 128 MiB of memory"):
        await modify(cluster, beparams={"maxmem": 384}, nics=[["add", {}]])
    hypervisor(cluster).stubborn.clear()
    assert (cluster.instance("web1"), guest(cluster)) == (before, runs)


async def test_cards_are_not_changed_behind_a_node_that_does_not_answer_unless_that_is_wanted(cluster):
    await add(cluster, "sharedfile", node="node2")
    before = cluster.instance("web1")
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.NodeUnreachable, match=r"Whether web1 is running is not known.*--no-hotplug"):
        await modify(cluster, nics=[["remove", 1, {}]], force=True)
    assert cluster.instance("web1") == before
    await modify(cluster, nics=[["remove", 1, {}]], force=True, hotplug=False)
    assert len(cluster.instance("web1").nics) == 1


async def test_a_bridge_that_is_missing_is_named_before_anything_is_done(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", template="plain", hypervisor="kvm", disks=[{"size": 64}])
    cluster.nodes["node1"].equipment.cards.drivers["bridged"].links = {"br0"}
    with pytest.raises(errors.WrongState, match="There is no bridge 'no-br' on this node"):
        await modify(cluster, nics=[["add", {"link": "no-br"}]], force=True)


async def test_a_running_guest_is_left_as_much_memory_as_is_said(cluster):
    await cluster.add("web1", beparams={"maxmem": 256, "minmem": 128})
    assert await modify(cluster, runtime_mem=192) == [("runtime_memory", 192)]
    assert await cluster.list("instance", "oper_ram") == [[192]]
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "oper_ram") == [[192]]
    for wrong in (64, 512):
        with pytest.raises(errors.WrongInput, match=r"from 128 MiB \(minmem\) to 256 MiB"):
            await modify(cluster, runtime_mem=wrong)
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="full")
    assert await cluster.list("instance", "oper_ram") == [[256]]
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    with pytest.raises(errors.WrongState, match="web1 does not run; -B maxmem="):
        await modify(cluster, runtime_mem=192)


def leave(cluster, node, free):
    """Let a node itself take all of its memory but so much, MiB."""
    machine = cluster.nodes[node].equipment.machine
    object.__setattr__(machine, "used_memory", machine.total_memory - free)  # it is what its equipment was made with


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_guest_gives_memory_back_to_fit_where_it_goes_if_it_may(cluster, allowed):
    await cluster.add("web1", beparams={"maxmem": 1024, "minmem": 128})
    leave(cluster, "node2", 600)
    if not allowed:
        with pytest.raises(errors.InsufficientResources, match="node2 has 600 MiB of free memory, web1 needs 1024"):
            await cluster.run(
                "OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2", allow_runtime_changes=False
            )
        return
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert await cluster.list("instance", "pnode", "oper_ram") == [["node2", 600]]
    leave(cluster, "node2", 0)
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node1")
    with pytest.raises(errors.InsufficientResources, match="web1 needs 600 MiB"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
