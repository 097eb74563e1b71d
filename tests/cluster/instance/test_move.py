# SPDX-License-Identifier: BSD-2-Clause
"""Moving an instance by copying its disks."""

import pytest
from msgspec.structs import replace

from ganeti import errors
from ganeti.model.guest import disks_of, guest_of
from ganeti.model.guest_state import GuestState
from ganeti.model.machine_state import MachineState
from ganeti.model.node import Node
from ganeti.rpc.contract.storage import RemoveDisks
from tests.cluster.paper import running

SETTINGS = {"enabled_disk_templates": ("plain", "file", "sharedfile"), "vg_name": "xenvg"}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, **SETTINGS) as cluster:
        yield cluster


def disks(cluster, node, template="plain"):
    return cluster.nodes[node].equipment.storages[template].disks


async def move(cluster, node="node2", **more):
    await cluster.run("OP_INSTANCE_MOVE", instance_name="web1", target_node=node, **more)


@pytest.mark.parametrize("template", ["plain", "file"])
async def test_a_running_instance_is_stopped_copied_and_started_on_the_other_node(cluster, template):
    await cluster.add("web1", template=template, disks=[{"size": 64}, {"size": 32}])
    places = [disk.location for disk in cluster.instance("web1").disks]
    await move(cluster)
    assert await cluster.list("instance", "pnode", "status", "admin_state") == [["node2", "running", "up"]]
    assert [await cluster.nodes[name].guests() for name in ("node1", "node2")] == [{}, {"web1": "running"}]
    assert cluster.disks.copying.made == [(("node1", place), ("node2", place)) for place in places]
    assert disks(cluster, "node1", template) == {}
    assert sorted(disks(cluster, "node2", template)) == sorted(places)


async def test_what_is_sent_is_compressed_as_it_is_asked_for(cluster):
    await cluster.add("web1", template="plain", start=False)
    with pytest.raises(errors.WrongInput, match=r"'compress'.*'lzop'.*none, gzip-fast, gzip, gzip-slow"):
        await move(cluster, compress="lzop")
    await move(cluster, compress="gzip-fast")
    assert cluster.disks.copying.compressed == {"gzip-fast"}


async def test_disks_keep_their_format(cluster):
    await cluster.add("web1", template="file", disks=[{"size": 64, "format": "qcow2"}, {"size": 32}])
    before = cluster.instance("web1").disks
    await move(cluster)
    assert cluster.instance("web1").disks == before
    assert [disk.format for disk in disks(cluster, "node2", "file").values()] == ["qcow2", "raw"]


async def test_an_instance_that_is_down_stays_down(cluster):
    await cluster.add("web1", template="plain", start=False)
    await move(cluster)
    assert await cluster.list("instance", "pnode", "status") == [["node2", "ADMIN_down"]]


async def test_a_disk_that_is_larger_than_was_asked_for_keeps_its_size(cluster):
    await cluster.add("web1", template="plain", start=False)
    (place,) = disks(cluster, "node1")
    disks(cluster, "node1")[place] = replace(disks(cluster, "node1")[place], size=68)
    await move(cluster)
    assert disks(cluster, "node2")[place].size == cluster.instance("web1").disks[0].size == 68


async def test_if_copying_fails_it_runs_on_where_it_was(cluster, monkeypatch):
    await cluster.add("web1", template="plain")

    async def broken(*_, **__):
        raise errors.ExecutionFailed("the network broke")

    monkeypatch.setattr("ganeti.node.paper_channel.PaperChannel.send", broken)
    with pytest.raises(errors.ExecutionFailed, match="the network broke"):
        await move(cluster)
    assert await cluster.list("instance", "pnode", "status") == [["node1", "running"]]
    assert [len(disks(cluster, name)) for name in ("node1", "node2")] == [1, 0]


async def test_what_cannot_be_removed_where_it_was_is_named_and_it_runs_on_its_new_node(cluster):
    await cluster.add("web1", template="plain")

    async def busy(*_, **__):
        raise errors.WrongState("in use")

    cluster.nodes["node1"].equipment.storages["plain"].remove = busy
    number = await cluster.submit("OP_INSTANCE_MOVE", instance_name="web1", target_node="node2")
    assert (await cluster.finished(number)).status == "success"
    assert any("on node1 (xenvg/" in line and "stay there" in line for line in cluster.log(number))
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]


@pytest.mark.parametrize(
    ("template", "more", "told"),
    [
        ("plain", {"node": "node1"}, "web1 is on node1 already"),
        ("plain", {"node": "node9"}, "Node 'node9' not known"),
        ("plain", {"compress": "lzop"}, "Parameter 'compress': 'lzop' is not allowed"),
        ("sharedfile", {}, "need not be copied; 'gnt-instance migrate' or 'failover'"),
    ],
)
async def test_what_cannot_be_moved_is_refused(cluster, template, more, told):
    await cluster.add("web1", template=template)
    with pytest.raises(errors.GanetiError, match=told):
        await move(cluster, **more)
    assert await cluster.list("instance", "pnode", "status") == [["node1", "running"]]


async def test_to_a_drained_node_it_does_not_go_nor_without_all_of_its_disks(cluster):
    await cluster.add("web1", template="plain", start=False)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", drained=True, force=True)
    with pytest.raises(errors.WrongState, match="node2 cannot get instances: it is drained"):
        await move(cluster)
    disks(cluster, "node1").clear()
    with pytest.raises(errors.WrongState, match="are not all there: disk/0: There is no disk"):
        await move(cluster, "node3")


async def test_the_variables_of_its_uefi_are_moved_too(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    await cluster.add("web1", template="plain", hypervisor="kvm", hvparams={"firmware": "uefi"}, start=False)
    guest, kept = guest_of(cluster.state, cluster.instance("web1")), MachineState({"uefi": b"variables"})
    machines = [cluster.nodes[node].equipment.hypervisor("kvm") for node in ("node1", "node2")]
    await machines[0].keep(guest, kept)
    await move(cluster)
    assert [await machine.kept(guest) for machine in machines] == [MachineState({}), kept]


def disks_there(cluster, template="plain"):
    return {name: len(disks(cluster, name, template)) for name in ("node1", "node2")}


@pytest.mark.parametrize("template", ["plain", "file"])
async def test_a_running_instance_is_moved_live_with_its_disks(cluster, template):
    await cluster.add("web1", template=template, disks=[{"size": 64}, {"size": 32}])
    places = [disk.location for disk in cluster.instance("web1").disks]
    since = cluster.nodes["node1"].equipment.hypervisor("fake")._guests["web1"].since
    await move(cluster, live=True)
    assert await cluster.list("instance", "pnode", "status", "admin_state") == [["node2", "running", "up"]]
    assert [await cluster.nodes[name].guests() for name in ("node1", "node2")] == [{}, {"web1": "running"}]
    assert cluster.disks.copying.made == []
    assert disks(cluster, "node1", template) == {}
    assert sorted(disks(cluster, "node2", template)) == sorted(places)
    assert since <= cluster.nodes["node2"].equipment.hypervisor("fake")._guests["web1"].since


async def test_what_a_live_move_will_do_is_told_before(cluster):
    await cluster.add("web1", template="plain", disks=[{"size": 64}])
    number = await cluster.submit(
        "OP_INSTANCE_MOVE", instance_name="web1", target_node="node2", live=True, dry_run=True
    )
    assert (await cluster.finished(number)).status == "success"
    told = "\n".join(cluster.log(number))
    assert "copy the disks of web1, 64M in all, from node1 to node2 while it runs" in told
    assert "goes on running on node1 and what was copied is removed" in told
    assert disks_there(cluster) == {"node1": 1, "node2": 0}


@pytest.mark.parametrize("where", ["accept", "migrate"])
async def test_if_a_live_move_fails_it_runs_on_where_it_was(cluster, monkeypatch, where):
    await cluster.add("web1", template="plain")

    async def broken(*_, **__):
        raise errors.HypervisorFailed("the target's disk is full")

    monkeypatch.setattr(f"ganeti.node.hypervisor.fake.FakeHypervisor.{where}", broken)
    with pytest.raises(errors.HypervisorFailed, match="disk is full"):
        await move(cluster, live=True)
    assert await cluster.list("instance", "pnode", "status") == [["node1", "running"]]
    assert disks_there(cluster) == {"node1": 1, "node2": 0}
    assert await cluster.nodes["node2"].guests() == {}


async def test_if_its_new_node_is_silent_at_the_end_nothing_is_removed_until_that_is_cleaned_up(cluster, monkeypatch):
    await cluster.add("web1", template="plain")

    async def silent(*_, **__):
        raise errors.HypervisorFailed("QEMU does not answer")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("ganeti.node.hypervisor.fake.FakeHypervisor.finish_incoming", silent)
        with pytest.raises(errors.ExecutionFailed, match=r"migrate --cleanup.*the disks of web1 on node1"):
            await move(cluster, live=True)
    assert disks_there(cluster) == {"node1": 1, "node2": 1}
    cluster.nodes["node2"].equipment.hypervisor("fake")._enter(
        guest_of(cluster.state, cluster.instance("web1")), GuestState.RUNNING
    )
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", cleanup=True)
    assert await cluster.list("instance", "pnode", "status") == [["node2", "running"]]
    assert [await cluster.nodes[name].guests() for name in ("node1", "node2")] == [{}, {"web1": "running"}]
    assert disks_there(cluster) == {"node1": 0, "node2": 1}


async def test_a_cleanup_removes_no_disk_that_may_be_the_only_one(cluster):
    await cluster.add("web1", template="plain", start=False)
    await cluster.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", pnode="node2", force=True)
    number = await cluster.submit("OP_INSTANCE_MIGRATE", instance_name="web1", cleanup=True)
    assert (await cluster.finished(number)).status == "success"
    assert any("node2 has not all disks of web1, so none are removed" in line for line in cluster.log(number))
    assert disks_there(cluster) == {"node1": 1, "node2": 0}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"compress": "gzip", "ignore_consistency": True}, "'compress', 'ignore_consistency': it has no effect"),
        ({"shutdown_timeout": 3}, "'shutdown_timeout': it has no effect"),
    ],
)
async def test_what_does_not_go_with_a_live_move_is_refused(cluster, more, told):
    await cluster.add("web1", template="plain")
    with pytest.raises(errors.WrongInput, match=told):
        await move(cluster, live=True, **more)
    assert disks_there(cluster) == {"node1": 1, "node2": 0}


async def test_who_does_not_run_is_not_moved_live(cluster):
    await cluster.add("web1", template="plain", start=False)
    with pytest.raises(errors.WrongState, match="web1 is not running; 'gnt-instance move' without --live"):
        await move(cluster, live=True)


async def test_disks_that_cannot_be_copied_while_the_guest_has_them_are_named(cluster):
    await cluster.add("web1", template="plain", disks=[{"size": 64}, {"size": 32, "mode": "ro"}])
    with pytest.raises(errors.WrongState, match=r"cannot be moved while it runs: disk/1 is read-only; 'gnt-instance"):
        await move(cluster, live=True)
    with pytest.raises(errors.WrongState, match=r"'gnt-instance move --live' takes it"):
        await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1")


async def test_disks_that_a_guest_uses_are_not_removed(cluster):
    await cluster.add("web1", template="plain")
    call = RemoveDisks(disks=disks_of(cluster.state, cluster.instance("web1")))
    with pytest.raises(errors.WrongState, match="is in use by web1, which is on this node"):
        await cluster.master.nodes.call(cluster.state.find(Node, "node1"), call)
    assert disks_there(cluster) == {"node1": 1, "node2": 0}
