# SPDX-License-Identifier: BSD-2-Clause
"""Exporting an instance to a node."""

import pytest

from ganeti import errors
from ganeti.model.export import read
from ganeti.rpc.contract.os import ExportDisk
from tests.cluster.backup.exported import cluster_with_exports, directory, disks, files, snapshots
from tests.cluster.instance.agents import agent_of


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        yield cluster


async def add(cluster, template="plain", **more):
    await cluster.add("web1", template=template, os_type="tiny", **({"disks": [{"size": 64}, {"size": 32}]} | more))


async def export(cluster, name="web1", node="node2", **more):
    return await cluster.run("OP_BACKUP_EXPORT", instance_name=name, target_node=node, **more)


def exports(cluster, node="node1"):
    return [call for call in cluster.nodes[node].providers.calls if isinstance(call, ExportDisk)]


@pytest.mark.parametrize("template", ["plain", "file", "drbd"])
async def test_its_disks_are_dumped_as_they_were_when_it_was_stopped_and_it_runs_again_meanwhile(cluster, template):
    await add(cluster, template, **({"snode": "node3"} if template == "drbd" else {}))
    instance = cluster.instance("web1")
    assert await export(cluster) == [True, [True, True]]
    assert await cluster.list("instance", "status", "admin_state") == [["running", "up"]]
    found = files(cluster)
    described = read(found["web1/config.ini"])
    assert (described.name, described.os, described.disk_template) == ("web1", "tiny", template)
    assert [disk.dump for disk in described.disks] == [disk.uuid for disk in instance.disks]
    assert found.keys() == {"web1/config.ini", *(f"web1/{disk.uuid}" for disk in instance.disks)}
    # What was dumped were snapshots, of which none is left.
    dumped = {call.guest.disks[0].location for call in exports(cluster)}
    assert dumped.isdisjoint(disk.location for disk in instance.disks)
    assert dumped.isdisjoint(disks(cluster, "node1"))
    assert len(disks(cluster, "node1", template if template != "drbd" else "plain")) == (0 if template == "drbd" else 2)


async def test_while_snapshots_are_dumped_the_guest_runs(cluster, monkeypatch):
    await add(cluster)
    seen, original = [], type(cluster.nodes["node1"].providers).export

    async def export_and_look(self, call, report):
        seen.append(await cluster.nodes["node1"].guests())
        await original(self, call, report)

    monkeypatch.setattr("tests.cluster.providers.PaperProviders.export", export_and_look)
    cluster.nodes["node1"].start()
    await export(cluster)
    assert seen == [{"web1": "running"}] * 2


async def test_one_that_is_down_is_dumped_from_its_disks_and_stays_down(cluster):
    await add(cluster, start=False)
    await export(cluster)
    assert [call.copied for call in exports(cluster)] == [False, False]
    assert await cluster.list("instance", "status") == [["ADMIN_down"]]


async def test_a_mirrored_one_that_is_down_is_let_go_of_afterwards(cluster):
    await add(cluster, "drbd", snode="node3", start=False)
    await export(cluster)
    assert {copy.use for copy in cluster.disks.copies.values()} == {None}


async def test_without_a_shutdown_it_runs_on_all_the_time(cluster):
    await add(cluster)
    stops = cluster.nodes["node1"].hypervisor().stop
    cluster.nodes["node1"].hypervisor().stop = None
    assert await export(cluster, shutdown=False) == [True, [True, True]]
    cluster.nodes["node1"].hypervisor().stop = stops
    assert "web1/config.ini" in files(cluster)


async def live_export(cluster):
    """What the job says of the guest's file systems."""
    number = await cluster.submit("OP_BACKUP_EXPORT", instance_name="web1", target_node="node2", shutdown=False)
    await cluster.finished(number)
    return [line.strip() for line in cluster.log(number) if "file system" in line or "they " in line]


async def test_while_snapshots_of_a_running_guest_are_made_its_agent_freezes_it(cluster):
    await add(cluster)
    assert await live_export(cluster) == []
    agent = agent_of(cluster, "web1")
    assert await live_export(cluster) == ["the guest's file systems are frozen: 1", "they are thawed"]
    assert agent.events == ["frozen", "thawed"]


async def test_a_guest_is_thawed_though_its_snapshots_fail(cluster, monkeypatch):
    await add(cluster)
    agent = agent_of(cluster, "web1")

    async def fail(*_, **more):
        raise errors.ExecutionFailed("the disk is full")

    monkeypatch.setattr(snapshots(cluster), "snapshot", fail)
    with pytest.raises(errors.ExecutionFailed, match="the disk is full"):
        await export(cluster, shutdown=False)
    assert agent.events == ["frozen", "thawed"]


async def test_one_that_cannot_be_frozen_is_exported_as_after_a_loss_of_power(cluster):
    await add(cluster)
    agent_of(cluster, "web1", lacks="it has not answered")
    (line,) = await live_export(cluster)
    assert line == (
        "the guest's file systems are not frozen, so that they are as after a loss of power: it has not answered"
    )


async def test_one_that_is_stopped_for_it_is_not_frozen(cluster):
    await add(cluster)
    agent = agent_of(cluster, "web1")
    await export(cluster)
    assert agent.events == []


async def test_where_there_are_no_snapshots_it_sleeps_for_long_or_is_not_begun(cluster):
    await add(cluster)
    snapshots(cluster).problem = "there is no room"
    with pytest.raises(errors.WrongState, match=r"disk/0 of web1: there is no room.*With --long-sleep"):
        await export(cluster)
    with pytest.raises(errors.WrongState, match=r"there is no room.*do without --noshutdown"):
        await export(cluster, shutdown=False)
    assert await cluster.list("instance", "status") == [["running"]]
    assert files(cluster) == {}
    assert await export(cluster, long_sleep=True) == [True, [True, True]]
    assert [call.copied for call in exports(cluster)] == [False, False]
    assert await cluster.list("instance", "status") == [["running"]]


async def test_a_new_export_takes_the_place_of_the_older_one(cluster):
    await add(cluster, start=False)
    await export(cluster)
    (directory(cluster, name="web1") / "old").touch()
    await export(cluster)
    assert sorted(path.name for path in directory(cluster).iterdir()) == ["web1"]
    assert "web1/old" not in files(cluster)


@pytest.mark.parametrize("long_sleep", [False, True])
async def test_if_a_script_fails_the_older_export_stays_and_the_instance_runs(cluster, long_sleep):
    await add(cluster)
    await export(cluster)
    before = files(cluster)
    if long_sleep:
        snapshots(cluster).problem = "there are none"
    cluster.nodes["node1"].providers.broken = True
    with pytest.raises(errors.ExecutionFailed, match="The 'export' script"):
        await export(cluster, long_sleep=long_sleep)
    assert files(cluster) == before
    assert [path.name for path in directory(cluster).iterdir()] == ["web1"]
    assert await cluster.list("instance", "status") == [["running"]]
    assert len(disks(cluster, "node1")) == 2


async def test_if_there_is_no_room_for_snapshots_after_all_it_runs_again(cluster):
    await add(cluster)
    snapshots(cluster).full = True
    with pytest.raises(errors.InsufficientResources, match="No space"):
        await export(cluster)
    assert await cluster.list("instance", "status") == [["running"]]
    assert files(cluster) == {}


async def test_what_an_interrupted_export_has_left_goes_with_the_next(cluster):
    await add(cluster, start=False)
    left = directory(cluster, name=".web1.new")
    left.mkdir(parents=True)
    (left / "half").touch()
    await export(cluster)
    assert [path.name for path in directory(cluster).iterdir()] == ["web1"]


async def test_one_that_is_to_be_removed_is_stopped_dumped_and_removed(cluster):
    await add(cluster)
    assert await export(cluster, remove_instance=True) == [True, [True, True]]
    assert await cluster.list("instance", "name") == []
    assert disks(cluster, "node1") == {}
    assert await cluster.nodes["node1"].guests() == {}
    assert "web1/config.ini" in files(cluster)


async def test_one_whose_export_fails_is_not_removed(cluster):
    await add(cluster)
    cluster.nodes["node1"].providers.broken = True
    with pytest.raises(errors.ExecutionFailed):
        await export(cluster, remove_instance=True)
    assert await cluster.list("instance", "status") == [["running"]]


async def test_its_disks_that_cannot_be_removed_are_ignored_if_that_is_wanted(cluster):
    await add(cluster)

    async def busy(*_):
        raise errors.WrongState("in use")

    cluster.nodes["node1"].equipment.storages["plain"].remove = busy
    await export(cluster, remove_instance=True, ignore_remove_failures=True)
    assert await cluster.list("instance", "name") == []


async def test_dumps_are_compressed_on_their_way_as_it_is_asked_for(cluster):
    await add(cluster, start=False)
    await export(cluster, compress="gzip-fast")
    assert cluster.disks.copying.compressed == {"gzip-fast"}
    await cluster.run("OP_CLUSTER_SET_PARAMS", compression_tools=["gzip"])
    with pytest.raises(errors.WrongState, match=r"'gzip-fast' is not among the compression tools.*\(gzip\)"):
        await export(cluster, compress="gzip-fast")


async def test_one_without_disks_is_exported_too(cluster):
    await cluster.add("web1", template="diskless", disks=[])
    assert await export(cluster) == [True, []]
    assert files(cluster).keys() == {"web1/config.ini"}


async def test_private_parameters_are_in_a_file_that_root_alone_reads(cluster):
    await add(cluster, start=False, osparams_private={"key": "s3cret"}, osparams={"suite": "a"})
    await export(cluster)
    described = read(files(cluster)["web1/config.ini"])
    assert (described.osparams, described.osparams_private) == ({"suite": "a"}, {"key": "s3cret"})
    assert (directory(cluster, name="web1/config.ini").stat().st_mode & 0o777) == 0o600
    assert (directory(cluster, name="web1").stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"node": "node9"}, "Node 'node9' not known"),
        ({"mode": "remote"}, "no cluster domain secret"),
        ({"remove_instance": True, "shutdown": False}, "mutually exclusive"),
        ({"ignore_remove_failures": True}, "nothing is removed without --remove-instance"),
        ({"compress": "lzop"}, r"'compress'.*'lzop'.*none, gzip-fast, gzip, gzip-slow"),
        ({"zero_free_space": True}, "'zero_free_space'.*zeroes the free space"),
        ({"destination_x509_ca": "x"}, "'destination_x509_ca' is of mode 'remote' alone"),
    ],
)
async def test_what_cannot_be_done_is_refused_before_anything_is_begun(cluster, more, told):
    await add(cluster)
    with pytest.raises(errors.GanetiError, match=told):
        await export(cluster, **more)
    assert await cluster.list("instance", "status") == [["running"]]
    assert files(cluster) == {}


async def test_one_without_an_operating_system_has_no_script_that_could_dump_it(cluster):
    await cluster.add("web1", template="plain", start=False)
    with pytest.raises(errors.WrongState, match=r"no operating system.*modify --os-type"):
        await export(cluster)
    await cluster.add("web2", template="plain", os_type="tiny", start=False)
    (cluster.nodes["node1"].paths.os_search_path[0] / "tiny" / "export").unlink()
    with pytest.raises(errors.WrongState, match=r"cannot be exported on node1.*'export'"):
        await export(cluster, "web2")


async def test_not_while_a_disk_is_missing(cluster):
    await add(cluster, start=False)
    disks(cluster, "node1").clear()
    with pytest.raises(errors.WrongState, match="are not all there: disk/0"):
        await export(cluster)


async def test_a_node_that_goes_off_meanwhile_costs_the_export_alone(cluster, monkeypatch):
    await add(cluster)

    async def cut(*_, **__):
        cluster.network.cut_off.add("10.0.0.2")
        raise errors.ExecutionFailed("The dump that goes to node2 was interrupted: no answer")

    monkeypatch.setattr("ganeti.node.paper_channel.PaperSending.end", cut)
    with pytest.raises(errors.ExecutionFailed, match=r"interrupted.*not be undone: the unfinished export of web1"):
        await export(cluster)
    assert await cluster.list("instance", "status") == [["running"]]
    assert len(disks(cluster, "node1")) == 2


async def test_to_a_node_that_is_dead_it_is_refused_before_anything_is_begun(cluster):
    await add(cluster)
    cluster.network.cut_off.add("10.0.0.2")
    with pytest.raises(errors.NodeCallFailed, match="Nothing answers") as caught:
        await export(cluster)
    assert "undone" not in caught.value.message
    assert await cluster.list("instance", "status") == [["running"]]


def leave_room(monkeypatch, size):
    """In MiB, on every node."""
    monkeypatch.setattr("ganeti.node.exports._room", lambda place: size)


async def test_where_there_is_no_room_it_is_refused_before_anything_is_begun(cluster, monkeypatch):
    await add(cluster)
    leave_room(monkeypatch, 0)
    with pytest.raises(errors.InsufficientResources, match="On node2 no space is left for exports"):
        await export(cluster)
    assert files(cluster) == {}


async def test_room_that_may_not_do_is_told_in_numbers_and_to_the_script(cluster, monkeypatch):
    await add(cluster)
    leave_room(monkeypatch, 50)
    number = await cluster.submit("OP_BACKUP_EXPORT", instance_name="web1", target_node="node2")
    assert (await cluster.finished(number)).status == "success"
    told = "On node2 50M are free for exports; the disks of web1 have 96M, of which its dumps may take less"
    assert told in cluster.log(number)[0]
    assert {call.room for call in exports(cluster)} == {50}


async def test_hooks_learn_where_it_goes(cluster):
    await add(cluster, start=False)
    number = await cluster.submit("OP_BACKUP_EXPORT", instance_name="web1", target_node="node2", dry_run=True)
    assert (await cluster.finished(number)).status == "success"
    assert files(cluster) == {}
