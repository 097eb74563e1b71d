# SPDX-License-Identifier: BSD-2-Clause
"""Instances that move to another cluster: OP_BACKUP_PREPARE, OP_INSTANCE_CREATE and OP_BACKUP_EXPORT together."""

import asyncio

import pytest

from ganeti import errors
from ganeti.model.domain import Domain
from ganeti.model.job import JobStatus
from tests.cluster.instance.two_clusters import SECRET, arrival, awaited, departure, prepared, two_clusters


@pytest.fixture
async def clusters(tmp_path):
    async with two_clusters(tmp_path) as clusters:
        yield clusters


def disks(cluster, template="plain"):
    """What is on its nodes."""
    return {location for node in cluster.nodes.values() for location in node.equipment.storages[template].disks}


def keys(cluster):
    return [path.name for node in cluster.nodes.values() for path in node.paths.move_keys.glob("*")]


async def add(source, **more):
    await source.add("web1", template="plain", os_type="tiny", **({"disks": [{"size": 64}, {"size": 32}]} | more))


async def begun(source, target, **more):
    """The job that waits, and what the other cluster needs."""
    told = await prepared(source)
    job = await target.submit("OP_INSTANCE_CREATE", **arrival(told, **more))
    return job, told, await awaited(target, job)


async def ended(cluster, job):
    """What a job that has failed ended with."""
    done = await cluster.finished(job)
    assert done.status is JobStatus.ERROR
    return errors.decode(done.steps[0].result).message


async def test_it_is_there_with_its_disks_and_runs_and_is_here_no_more(clusters):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    assert await source.list("instance", "status") == [["running"]]
    assert await source.run("OP_BACKUP_EXPORT", **departure(told, there)) == [True, [True, True]]
    assert (await target.finished(job)).steps[0].result == ["node2"]
    assert await target.list("instance", "name", "status", "pnode") == [["web1", "running", "node2"]]
    assert await source.list("instance", "name") == []
    assert len(source.disks.copying.made) == 2
    assert (disks(source), len(disks(target)), keys(source), keys(target)) == (set(), 2, [], [])


async def test_one_that_is_kept_stays_stopped(clusters):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    await source.run("OP_BACKUP_EXPORT", **departure(told, there, remove_instance=False))
    await target.finished(job)
    assert await source.list("instance", "status", "admin_state") == [["ADMIN_down", "down"]]
    assert await target.list("instance", "status") == [["running"]]


async def test_one_that_is_stopped_arrives_stopped_under_another_name_as_another_template(clusters):
    source, target = clusters
    await add(source, start=False)
    more = {"name": "web2", "disk_template": "drbd", "snode": "node3", "start": False, "os_type": "tiny"}
    job, told, there = await begun(source, target, **more)
    await source.run("OP_BACKUP_EXPORT", **departure(told, there, compress="gzip"))
    assert (await target.finished(job)).steps[0].result == ["node2", "node3"]
    assert await target.list("instance", "name", "status", "disk_template") == [["web2", "ADMIN_down", "drbd"]]
    assert any("running the rename script" in line for line in target.log(job))


async def test_one_that_is_marked_offline_stays_so_if_it_cannot_be_sent(clusters):
    source, target = clusters
    await add(source, start=False)
    await source.run("OP_INSTANCE_SET_PARAMS", instance_name="web1", offline=True)
    job, told, there = await begun(source, target)
    for delivery, _ in target.disks.copying.awaited.values():
        delivery.close()
    with pytest.raises(errors.ExecutionFailed, match="was not moved"):
        await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    await ended(target, job)
    assert await source.list("instance", "admin_state") == [["offline"]]


async def test_until_all_is_there_and_recorded_nothing_is_removed_here(clusters, monkeypatch):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    store = target.master.configuration
    commit = store.commit

    async def fail(puts, *more):
        if any(getattr(one, "name", "") == "web1" for one in puts):
            raise errors.StoreFailed("the disk is full")
        return await commit(puts, *more)

    monkeypatch.setattr(store, "commit", fail)
    with pytest.raises(errors.ExecutionFailed, match=r"disk/\d of web1 was not moved"):
        await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    assert "the disk is full" in await ended(target, job)
    assert await source.list("instance", "status", "admin_state") == [["running", "up"]]
    assert (len(disks(source)), disks(target), keys(source), keys(target)) == (2, set(), [], [])


async def test_if_the_source_has_not_heard_that_it_arrived_it_is_not_started_there(clusters, monkeypatch):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)

    async def unheard(self):
        return False

    monkeypatch.setattr("ganeti.node.delivery.Delivery.accept", unheard)
    sending = await source.submit("OP_BACKUP_EXPORT", **departure(told, there))
    assert "is not started: it is not known whether the other cluster has heard" in await ended(target, job)
    assert await target.list("instance", "status") == [["ADMIN_down"]]
    await ended(source, sending)
    assert await source.list("instance", "status") == [["running"]]


async def test_if_nobody_comes_all_is_removed_again(clusters, monkeypatch):
    source, target = clusters
    monkeypatch.setattr("ganeti.operations.instance.arriving._BEGINNING", 0.1)
    await add(source)
    job, _, _ = await begun(source, target, source_shutdown_timeout=0)
    assert "has not come from the other cluster: On node node2: nobody has connected in time" in await ended(
        target, job
    )
    assert (disks(target), keys(target), await target.list("instance", "name")) == (set(), [], [])
    assert await source.list("instance", "status") == [["running"]]


async def test_while_it_is_awaited_its_node_can_be_asked_and_its_name_is_taken(clusters):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    second = await target.submit("OP_INSTANCE_CREATE", **arrival(told))
    await asyncio.sleep(0)
    await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    assert (await target.finished(job)).status is JobStatus.SUCCESS
    assert "already in the cluster" in await ended(target, second)


CHANGED = [
    ({"source_handshake": [0, "0" * 64, "salt"]}, "'source_handshake': its signature is not right.*renew-crypto"),
    ({"source_handshake": [1, "0" * 64, "salt"]}, "'source_handshake': its version is 1"),
    ({"source_handshake": ["x"]}, r"'source_handshake': it is not \[version, hash, salt\]"),
    ({"source_handshake": None}, "'source_handshake' is missing"),
    ({"source_x509_ca": "nonsense"}, "'source_x509_ca': it is not one certificate in PEM"),
    ({"source_x509_ca": None}, "'source_x509_ca' is missing"),
    ({"source_instance_name": None}, "'source_instance_name' is missing"),
    ({"disks": []}, "'disks'"),
    ({"disks": [{"adopt": "a"}]}, "nothing can be adopted"),
    ({"no_install": True}, "'no_install'"),
    ({"forthcoming": True}, "cannot be forthcoming"),
    ({"src_node": "node1"}, "'src_node' is of mode 'import' alone"),
    ({"os_type": "nothing"}, "OS 'nothing' cannot be used on node2"),
    ({"compress": "lzop"}, "'compress'"),
    ({"mode": "create"}, "is of mode 'remote-import' alone"),
]


@pytest.mark.parametrize(("more", "told"), CHANGED)
async def test_what_cannot_come_is_refused_before_anything_is_made(clusters, more, told):
    source, target = clusters
    await add(source)
    request = arrival(await prepared(source)) | more
    with pytest.raises(errors.CheckFailed, match=told):
        await target.run("OP_INSTANCE_CREATE", **request)
    assert (disks(target), keys(target), await target.list("instance", "name")) == (set(), [], [])


async def test_a_certificate_that_was_changed_on_its_way_is_refused(clusters):
    source, target = clusters
    await add(source)
    first, second = await prepared(source), await prepared(source)
    signature, _ = first["x509_ca"].split("\n", 1)
    _, certificate = second["x509_ca"].split("\n", 1)
    with pytest.raises(errors.WrongInput, match="'source_x509_ca': its signature is not right"):
        await target.run("OP_INSTANCE_CREATE", **arrival(first, source_x509_ca=f"{signature}\n{certificate}"))


LATER = [
    ({"x509_key_name": None}, "'x509_key_name' is missing"),
    ({"x509_key_name": ["../../../etc/passwd", "0" * 64, "salt"]}, "'x509_key_name': its signature is not right"),
    ({"destination_x509_ca": None}, "'destination_x509_ca' is missing"),
    ({"target_node": "node2"}, "'target_node': for mode 'remote' it is a list"),
    ({"target_node": []}, "'target_node'.*web1 has 2, and 0 are given"),
    ({"target_node": [["10.0.0.2", 1830, "x", "0" * 64, "salt"]] * 2}, "'target_node': its signature is not right"),
    ({"target_node": [["10.0.0.2"], ["10.0.0.2"]]}, "'target_node': what is told of disk 0"),
    ({"shutdown": False, "remove_instance": False}, "would then run in two clusters"),
    ({"shutdown": False}, "mutually exclusive"),
    ({"long_sleep": True}, "'long_sleep'"),
    ({"compress": "lzop"}, "'compress'"),
    ({"mode": "local", "target_node": "node2"}, "'x509_key_name' is of mode 'remote' alone"),
    ({"mode": "local"}, "'target_node': a list is for mode 'remote'"),
]


@pytest.mark.parametrize(("more", "told"), LATER)
async def test_what_cannot_be_sent_is_refused_and_it_runs_on(clusters, more, told):
    source, target = clusters
    await add(source)
    job, prepared_, there = await begun(source, target)
    with pytest.raises(errors.CheckFailed, match=told):
        await source.run("OP_BACKUP_EXPORT", **(departure(prepared_, there) | more))
    assert await source.list("instance", "status") == [["running"]]
    await source.run("OP_BACKUP_EXPORT", **departure(prepared_, there))
    await target.finished(job)


async def test_two_disks_cannot_be_exchanged_on_the_way(clusters):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    exchanged = {**there, "disks": there["disks"][::-1]}
    with pytest.raises(errors.WrongInput, match="its signature is not right"):
        await source.run("OP_BACKUP_EXPORT", **departure(told, exchanged))
    await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    await target.finished(job)


async def test_a_cluster_of_the_same_domain_cannot_name_a_file_of_this_one(clusters):
    source, target = clusters
    await add(source)
    job, told, there = await begun(source, target)
    signed = Domain(SECRET, lambda: "salt").key_name("../../../var/lib/ganeti/node.pem")
    with pytest.raises(errors.WrongInput, match="'x509_key_name': it is not the name of a key"):
        await source.run("OP_BACKUP_EXPORT", **departure(told, there, x509_key_name=signed))
    await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    await target.finished(job)


@pytest.mark.parametrize("secrets", [("one secret", "another secret"), ("one secret", None)])
async def test_clusters_without_the_same_secret_exchange_nothing(tmp_path, secrets):
    async with two_clusters(tmp_path, secrets) as (source, target):
        await add(source)
        with pytest.raises(errors.CheckFailed, match="cluster domain secret"):
            await target.run("OP_INSTANCE_CREATE", **arrival(await prepared(source)))


async def test_without_a_secret_nothing_is_prepared(tmp_path):
    async with two_clusters(tmp_path, (None, None)) as (source, _):
        await add(source)
        with pytest.raises(errors.WrongState, match="has no cluster domain secret"):
            await prepared(source)


async def test_a_preview_tells_what_would_happen(clusters):
    source, target = clusters
    await add(source)
    told = await prepared(source)
    job = await target.submit("OP_INSTANCE_CREATE", **arrival(told, dry_run=True))
    await target.finished(job)
    assert any("take its disks from web1 of the other cluster" in line for line in target.log(job))
    job, told, there = await begun(source, target)
    look = await source.submit("OP_BACKUP_EXPORT", **departure(told, there, dry_run=True))
    await source.finished(look)
    assert any("send its disks, 96M in all, from node1 to the other cluster" in line for line in source.log(look))
    await source.run("OP_BACKUP_EXPORT", **departure(told, there))
    await target.finished(job)
