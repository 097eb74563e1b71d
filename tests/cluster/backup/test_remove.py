# SPDX-License-Identifier: BSD-2-Clause
"""Removing exports."""

import pytest

from ganeti import errors
from tests.cluster.backup.exported import cluster_with_exports, export, files


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        await cluster.add("web1.example.com", template="plain", os_type="tiny", start=False)
        yield cluster


async def remove(cluster, name):
    await cluster.run("OP_BACKUP_REMOVE", instance_name=name)


async def test_an_export_goes_from_every_node_that_has_it(cluster):
    await export(cluster, "web1.example.com")
    await export(cluster, "web1.example.com", node="node3")
    await remove(cluster, "web1")
    assert files(cluster, "node2") == files(cluster, "node3") == {}


async def test_that_of_an_instance_that_is_gone_by_its_full_name(cluster):
    await export(cluster, "web1.example.com", remove_instance=True)
    with pytest.raises(errors.UnknownEntity, match=r"an export of web1; 'gnt-backup list'.*in full"):
        await remove(cluster, "web1")
    await remove(cluster, "web1.example.com")
    assert files(cluster) == {}


@pytest.mark.parametrize("name", ["..", "../web1", ".web1.new", "a/b", ""])
async def test_nothing_else_is_removed(cluster, name):
    with pytest.raises(errors.WrongInput, match="'instance_name'"):
        await remove(cluster, name)


async def test_what_cannot_be_removed_is_told_with_its_node(cluster, monkeypatch):
    await export(cluster, "web1.example.com")

    def busy(path):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr("ganeti.node.exports.shutil.rmtree", busy)
    with pytest.raises(errors.ExecutionFailed, match=r"not be removed everywhere: node2: .*Operation not permitted"):
        await remove(cluster, "web1")


async def test_nodes_that_do_not_tell_what_they_have_are_named(cluster):
    await export(cluster, "web1.example.com")
    await export(cluster, "web1.example.com", node="node3")
    cluster.network.cut_off.add("10.0.0.3")
    with pytest.raises(errors.ExecutionFailed, match="not be removed everywhere: node3: it does not tell whether"):
        await remove(cluster, "web1")
    assert files(cluster) == {}
    with pytest.raises(errors.UnknownEntity, match="Whether others have one is not known: node3 does not tell: "):
        await remove(cluster, "web1")


async def test_nodes_that_are_marked_offline_are_named(cluster):
    await export(cluster, "web1.example.com")
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    number = await cluster.submit("OP_BACKUP_REMOVE", instance_name="web1")
    assert (await cluster.finished(number)).status == "success"
    assert any("WARNING: node3 is marked offline" in line for line in cluster.log(number))
    assert files(cluster) == {}
