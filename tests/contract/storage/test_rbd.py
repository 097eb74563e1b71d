# SPDX-License-Identifier: BSD-2-Clause
"""Images of a real Ceph, and what is told when it, a node or somebody else is in the way."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongInput, WrongState
from ganeti.model.template import StorageUnit
from ganeti.node.hypervisor.kvm.uri import of_uri
from ganeti.node.storage import rbd

NO_MODULE = not Path("/sys/bus/rbd").exists()


async def test_qemu_is_told_where_the_image_is_and_writes_to_it(rbd_bench):
    disk = rbd_bench.disk()
    await rbd_bench.create(disk)
    opened = await rbd_bench.open(disk)
    assert (opened.path, opened.uri) == ("", (await rbd_bench.storage.expected(disk, ())).uri)
    conf = str(rbd_bench.paths.under("/etc/ceph/ceph.conf"))
    name = f"{disk.uuid}.rbd.disk0"
    assert of_uri(opened.uri) == {"driver": "rbd", "pool": "fast", "image": name, "conf": conf}
    rbd_bench.write(disk, b"by QEMU", to=f"json:{json.dumps({'driver': 'raw', 'file': of_uri(opened.uri)})}")
    assert rbd_bench.read(disk).startswith(b"by QEMU")


async def test_the_user_of_ceph_is_given_to_qemu_too(tmp_path, rbd_bench):
    disk = rbd_bench.disk(params={"access": "userspace", "pool": "fast/rack1", "user-id": "kvm"})
    options = of_uri((await rbd_bench.storage.expected(disk, ())).uri)
    assert (options["pool"], options["namespace"], options["user"]) == ("fast", "rack1", "kvm")


async def test_an_image_that_somebody_has_open_is_not_removed_and_it_is_told_where(rbd_bench):
    disk = rbd_bench.disk()
    await rbd_bench.create(disk)
    with rbd_bench.in_use(disk), pytest.raises(WrongState, match=r"image fast/.* is open at .*127\.0\.0\.1"):
        await rbd_bench.remove(disk)
    await rbd_bench.remove(disk)
    assert rbd_bench.contents() == set()


async def test_an_image_with_snapshots_is_not_removed(rbd_bench):
    disk = rbd_bench.disk()
    await rbd_bench.create(disk)
    rbd_bench.ceph.rbd("snap", "create", "--no-progress", f"{rbd_bench.image(disk)}@before")
    with pytest.raises(WrongState, match="has snapshots; 'rbd snap purge"):
        await rbd_bench.remove(disk)
    rbd_bench.ceph.rbd("snap", "purge", "--no-progress", rbd_bench.image(disk))


async def test_a_ceph_that_does_not_answer_keeps_nobody_waiting_for_ever(rbd_bench, monkeypatch):
    disk = rbd_bench.disk()
    await rbd_bench.create(disk)
    monkeypatch.setattr(rbd, "_QUICK", 2.0)
    rbd_bench.ceph.pause("mon.a")
    try:
        assert "Ceph does not answer" in (await rbd_bench.status(disk)).problem
        with pytest.raises(ExecutionFailed, match="did not finish within 2 seconds; 'ceph -s' tells how it is"):
            await rbd_bench.create(rbd_bench.disk(index=1))
    finally:
        rbd_bench.ceph.resume("mon.a")
    monkeypatch.undo()
    assert not (await rbd_bench.status(disk)).problem


async def test_a_pool_that_is_not_there_is_told(rbd_bench):
    disk = rbd_bench.disk(params={"access": "userspace", "pool": "slow"})
    with pytest.raises(ExecutionFailed, match="error opening pool 'slow'"):
        await rbd_bench.create(disk)
    with pytest.raises(EnvironmentUnfit, match="Ceph has no pool 'slow'"):
        await rbd_bench.open(disk)
    assert await rbd_bench.storage.problems(StorageUnit(rbd_bench.unit.template, "slow"))


@pytest.mark.skipif(not NO_MODULE, reason="this machine has the kernel module")
async def test_without_the_kernels_module_the_other_access_is_named(rbd_bench):
    disk = rbd_bench.disk(params={"access": "kernelspace", "pool": "fast"})
    await rbd_bench.create(disk)
    with pytest.raises(EnvironmentUnfit, match=r"takes the kernel module 'rbd'; .*access=userspace"):
        await rbd_bench.open(disk)
    assert not (await rbd_bench.status(disk)).problem
    await rbd_bench.remove(disk)


async def test_a_node_that_does_not_know_ceph_says_so(rbd_bench):
    rbd_bench.paths.under("/etc/ceph/ceph.conf").unlink()
    with pytest.raises(EnvironmentUnfit, match="does not know where Ceph is"):
        await rbd_bench.create(rbd_bench.disk())
    assert await rbd_bench.storage.problems(rbd_bench.unit)


@pytest.mark.parametrize(
    ("location", "pool"),
    [("rbd/-x", "fast"), ("fast/x", "fast"), ("rbd/a@b", "fast"), ("rbd/x", "--x"), ("rbd/x", "a/b/c")],
)
async def test_what_is_no_name_reaches_no_program(rbd_bench, location, pool):
    disk = replace(rbd_bench.disk(location=location), params={"pool": pool})
    for touch in (rbd_bench.create, rbd_bench.remove, rbd_bench.open):
        with pytest.raises(WrongInput):
            await touch(disk)
