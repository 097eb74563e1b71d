# SPDX-License-Identifier: BSD-2-Clause
"""An instance on external storage: master and nodes on paper, providers and volumes real."""

import pytest

from ganeti.errors import CheckFailed, ExecutionFailed
from ganeti.model.disk import DiskTemplate
from ganeti.node.storage.ext.driver import ExtStorage
from tests.cluster.paper import running

DISK = {"size": 64, "provider": "san", "pool": "fast"}


@pytest.fixture
async def cluster(tmp_path, ext_bench):
    """All nodes share the volumes of the bench and its provider."""
    for name in ("open", "close"):
        ext_bench.script(name, f'echo "{name} $GANETI_NODE $VOL_OPEN_EXCLUSIVE" >>{tmp_path}/opened')
    async with running(tmp_path / "cluster", enabled_disk_templates=("ext",)) as made:
        for name, node in made.nodes.items():
            place = node.paths.storage_search_path[0] / "san"
            place.mkdir(parents=True)
            for file in ext_bench.provider.iterdir():
                text = file.read_text().replace("$GANETI_NODE", name)
                (place / file.name).write_text(text)
                (place / file.name).chmod(0o755)
            node.equipment.storages[DiskTemplate.EXT] = ExtStorage(node.paths)
        made.opened = tmp_path / "opened"
        yield made


async def test_an_instance_is_made_started_moved_stopped_and_removed(cluster, ext_bench):
    await cluster.add("web1", template="ext", disks=[DISK])
    (disk,) = cluster.instance("web1").disks
    assert disk.location == f"san/{disk.uuid}.ext.disk0"
    assert disk.params == {"pool": "fast"}
    assert (ext_bench.volumes / f"{disk.uuid}.ext.disk0.metadata").read_text() == "originstname+web1\n"
    assert len(ext_bench.devices()) == 1
    await cluster.run("OP_INSTANCE_MIGRATE", instance_name="web1", target_node="node2")
    assert cluster.opened.read_text().splitlines() == [
        "open node1 True",
        "open node1 False",
        "open node2 False",
        "close node1 ",
        "open node2 True",
    ]
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    assert ext_bench.devices() == []
    await cluster.run("OP_INSTANCE_REMOVE", instance_name="web1")
    assert list(ext_bench.volumes.iterdir()) == []


async def test_info_tells_provider_and_volume_as_ganeti_does(cluster):
    await cluster.add("web1", template="ext", disks=[DISK], start=False)
    (told,) = (await cluster.run("OP_INSTANCE_QUERY_DATA", instances=["web1"])).values()
    (disk,) = told["disks"]
    assert disk["logical_id"] == ["san", f"{disk['uuid']}.ext.disk0"]
    assert disk["pstatus"] == ["", ""]


@pytest.mark.parametrize(
    ("disk", "told"),
    [
        ({"size": 64}, "Disk 0: parameter 'provider' is missing"),
        (DISK | {"colour": "red"}, "Storage provider 'san' has no parameter 'colour'; it has nas_ip, pool"),
        (DISK | {"provider": "nas"}, "there is no storage provider 'nas' on this node"),
        (DISK | {"vg": "xenvg"}, "Disk 0: parameter 'vg' is for template plain or drbd, not for 'ext'"),
    ],
)
async def test_what_a_provider_does_not_know_is_refused_before_anything_is_made(cluster, ext_bench, disk, told):
    with pytest.raises(CheckFailed) as caught:
        await cluster.add("web1", template="ext", disks=[disk])
    assert told in caught.value.message
    assert list(ext_bench.volumes.iterdir()) == []


async def test_of_an_instance_whose_second_disk_cannot_be_made_nothing_is_left(cluster, ext_bench):
    create = cluster.nodes["node1"].paths.storage_search_path[0] / "san" / "create"
    create.write_text(create.read_text() + '[ "$VOL_SIZE" = 64 ] || { echo "quota exceeded"; exit 9; }\n')
    with pytest.raises(ExecutionFailed, match=r"failed with status 9; .*quota exceeded"):
        await cluster.add("web1", template="ext", disks=[DISK, DISK | {"size": 65}])
    assert list(ext_bench.volumes.iterdir()) == []
    assert await cluster.list("instance", "name") == []
