# SPDX-License-Identifier: BSD-2-Clause
"""What is known about instances."""

import asyncio

import pytest
from msgspec.structs import replace

from ganeti import errors
from ganeti.model.machine_state import EnrolledKey
from ganeti.node.storage.fake import FakeStorage
from ganeti.operations.instance import info
from tests.cluster.instance.mirrored import add, mirroring


async def test_a_description_holds_all_that_is_known(cluster):
    await cluster.add("web1")
    (data,) = (await cluster.call("Read", {"OP_ID": "OP_INSTANCE_QUERY_DATA", "instances": ["web1"]})).values()
    assert (data["name"], data["pnode"], data["run_state"], data["config_state"]) == ("web1", "node1", "up", "up")
    assert data["disks"][0]["size"] == 64


async def test_nodes_are_asked_for_all_of_it_at_once(cluster, monkeypatch):
    await cluster.add("web1")
    together = asyncio.Barrier(4)  # passed by nobody before all are there

    def meeting(ask):
        async def met(*arguments):
            await together.wait()
            return await ask(*arguments)

        return met

    for name in ("examine_all", "pending", "addresses_of", "keys_of"):
        monkeypatch.setattr(info, name, meeting(getattr(info, name)))
    async with asyncio.timeout(60):
        await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])


async def test_an_instance_that_is_not_there_is_not_described(cluster):
    with pytest.raises(errors.UnknownEntity, match="'web9' not known"):
        await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web9"])


async def test_of_a_disk_its_format_is_told_and_what_it_takes_of_its_storage(cluster, monkeypatch):
    await cluster.add("web1", disks=[{"size": 64, "format": "qcow2"}])
    whole = FakeStorage.examine

    async def measured(self, disks, peers):
        return tuple(replace(status, allocated=5) for status in await whole(self, disks, peers))

    monkeypatch.setattr(FakeStorage, "examine", measured)
    for static, allocated in ((False, 5), (True, None)):
        (data,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"], static=static)).values()
        assert (data["disks"][0]["format"], data["disks"][0]["allocated"]) == ("qcow2", allocated)


async def test_of_a_guest_with_secure_boot_its_keys_are_told_and_when_they_expire(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", enabled_hypervisors=["fake", "kvm"])
    uefi = {"firmware": "uefi", "kernel_path": ""}
    await cluster.add("web1", hypervisor="kvm", hvparams=uefi | {"secure_boot": True}, start=False)
    await cluster.add("web2", hypervisor="kvm", hvparams=uefi, start=False)
    assert [await keys(cluster, name) for name in ("web1", "web2")] == [{"keys": [], "problem": ""}, None]
    machines = cluster.nodes["node1"].equipment.hypervisor("kvm")
    machines.enrolled[cluster.instance("web1").uuid] = (EnrolledKey("db", "Vendor", 17.0),)
    assert await keys(cluster, "web1") == {"keys": [["db", "Vendor", 17.0]], "problem": ""}
    assert await keys(cluster, "web1", static=True) is None


async def keys(cluster, name, **more):
    (data,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=[name], **more)).values()
    return data["secure_boot"]


async def test_of_a_mirrored_disk_the_state_of_both_copies_is_told(tmp_path):
    async with mirroring(tmp_path) as cluster:
        await add(cluster)
        assert [problem for _, problem in await copies(cluster)] == ["", ""]
        cluster.nodes["node2"].equipment.storages["drbd"].lose_power()
        assert "UpToDate here" in (await copies(cluster))[0][1]
        assert "on the other node" in (await copies(cluster))[0][1]


async def copies(cluster):
    (data,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    return [data["disks"][0][key] for key in ("pstatus", "sstatus")]
