# SPDX-License-Identifier: BSD-2-Clause
"""Processes and files of guests that belong to no instance."""

import pytest

from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import running

NAME = "0d6a44f3-5a1f-4a0f-8a2a-9c1d1d1d1d1d.file.disk0"


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("file", "sharedfile")) as cluster:
        yield cluster


def put(cluster, node, file):
    path = cluster.nodes[node].paths.under(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def own(cluster, node):
    """The files of the disks of web1, put where they would be on a real node."""
    for disk in cluster.instance("web1").disks:
        put(cluster, node, disk.location)


async def test_files_of_disks_that_instances_have_are_fine_and_others_are_nobodys_business(cluster):
    await cluster.add("web1", template="file", node="node2")
    own(cluster, "node2")
    put(cluster, "node2", "/srv/ganeti/file-storage/lost+found/x")
    put(cluster, "node2", "/srv/ganeti/file-storage/image.iso")
    assert await found(cluster) == []


async def test_a_file_that_a_node_has_kept_of_an_instance_that_is_elsewhere_is_named(cluster):
    await cluster.add("web1", template="file", node="node2")
    own(cluster, "node3")
    (told,) = await found(cluster)
    assert told.startswith("WARNING:ENODEFILESTORAGEPATHS:node3:file /srv/ganeti/file-storage/web1/")
    assert "belongs to no instance" in told


async def test_what_is_shared_is_looked_at_once_and_many_are_counted(cluster):
    for name in ("node1", "node2"):
        put(cluster, name, f"/srv/ganeti/shared-file-storage/gone/{NAME}")
    for number in range(30):
        put(cluster, "node1", f"/srv/ganeti/file-storage/gone/{NAME}{number}.qcow2")
    said = await found(cluster)
    assert len(said) == 21
    assert {line.split(":")[2] for line in said} == {"node1"}
    assert said[-1].endswith("has 11 more such files")


async def test_processes_that_nobody_manages_are_errors(cluster, monkeypatch):
    hypervisor = cluster.nodes["node2"].hypervisor()
    monkeypatch.setattr(hypervisor, "strays", lambda: ("QEMU process 7 of instance web1 is not managed",))
    assert await found(cluster) == ["ENODEORPHANINSTANCE:node2:QEMU process 7 of instance web1 is not managed"]
