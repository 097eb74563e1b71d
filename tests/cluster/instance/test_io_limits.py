# SPDX-License-Identifier: BSD-2-Clause
"""Limits of the speed of disks."""

import pytest

from ganeti import errors
from ganeti.model.disk import IoLimits
from tests.cluster.backup.exported import cluster_with_exports, export, imported
from tests.cluster.instance.test_hotplug import guest, modify, pending
from tests.cluster.paper import running

LIMITS = IoLimits(iops=500, bps=50, iops_max=1000, burst=10)
GIVEN = {"iops": 500, "bps": "50m", "iops_max": 1000, "burst": 10}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("plain",), vg_name="xenvg") as cluster:
        yield cluster


async def add(cluster, **limits):
    await cluster.add("web1", template="plain", disks=[{"size": 64, **limits}, {"size": 8}])


def limits(cluster):
    """What is configured, and what the guest runs with."""
    return [[disk.limits for disk in one.disks] for one in (cluster.instance("web1"), guest(cluster))]


async def test_a_disk_has_them_from_the_start_and_says_so(cluster):
    await add(cluster, **GIVEN)
    assert limits(cluster) == [[LIMITS, IoLimits()]] * 2
    (described,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    assert [disk["limits"] for disk in described["disks"]] == ["iops=500,bps=50,iops_max=1000,burst=10", None]


async def test_they_change_while_the_guest_runs_each_by_itself(cluster):
    await add(cluster, **GIVEN)
    await modify(cluster, disks=[["modify", 0, {"bps": 20}], ["modify", 1, {"iops": 100}]])
    assert limits(cluster) == [[IoLimits(iops=500, bps=20, iops_max=1000, burst=10), IoLimits(iops=100)]] * 2
    await modify(cluster, disks=[["modify", 0, {"iops": 0, "iops_max": "none", "burst": "none"}]])
    assert limits(cluster) == [[IoLimits(bps=20), IoLimits(iops=100)]] * 2
    assert await pending(cluster) == []


async def test_without_hotplug_they_wait_for_the_next_start(cluster):
    await add(cluster)
    await modify(cluster, disks=[["modify", 0, {"iops": 100}]], hotplug=False)
    assert limits(cluster) == [[IoLimits(iops=100), IoLimits()], [IoLimits(), IoLimits()]]
    ((name, runs, wanted),) = await pending(cluster)
    assert name == "disk/0"
    assert runs.endswith("(rw)")
    assert wanted.endswith("(rw, iops=100)")
    await cluster.run("OP_INSTANCE_REBOOT", instance_name="web1", reboot_type="hard")
    assert limits(cluster) == [[IoLimits(iops=100), IoLimits()]] * 2


async def test_what_makes_no_sense_is_refused_with_the_disk_and_all_of_it(cluster):
    with pytest.raises(errors.WrongInput) as told:
        await add(cluster, iops_max=100, bps=50, bps_max=40, burst=1)
    assert "Disk 0: iops_max=100 allows bursts above iops, which is not limited" in str(told.value)
    assert "Disk 0: bps_max=40 allows bursts above bps, which is 50" in str(told.value)
    await add(cluster, **GIVEN)
    with pytest.raises(errors.WrongInput, match="Disk 0: burst=10 is how long iops_max or bps_max may last"):
        await modify(cluster, disks=[["modify", 0, {"iops_max": 0}]])
    with pytest.raises(errors.WrongInput, match="parameter 'iops': expected a whole number of at least 0"):
        await modify(cluster, disks=[["modify", 0, {"iops": -1}]])
    assert limits(cluster) == [[LIMITS, IoLimits()]] * 2


async def test_they_go_to_an_export_and_come_back(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        await cluster.add("web1", template="plain", os_type="tiny", disks=[{"size": 64, **GIVEN}, {"size": 32}])
        await export(cluster, remove_instance=True)
        await imported(cluster, pnode="node3")
        assert [disk.limits for disk in cluster.instance("web1").disks] == [LIMITS, IoLimits()]
