# SPDX-License-Identifier: BSD-2-Clause
"""Preparing an export."""

import pytest

from ganeti import errors
from tests.cluster.backup.exported import cluster_with_exports


@pytest.fixture
async def cluster(tmp_path):
    async with cluster_with_exports(tmp_path) as cluster:
        await cluster.add("web1", template="plain", os_type="tiny", start=False)
        yield cluster


async def test_one_to_a_node_takes_nothing(cluster):
    assert await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="local") is None


async def test_one_to_another_cluster_takes_a_key_and_signatures(cluster):
    await cluster.run("OP_CLUSTER_RENEW_CRYPTO", new_cluster_domain_secret=True)
    told = await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="remote")
    assert told.keys() == {"handshake", "x509_key_name", "x509_ca", "disk_sizes"}
    (key,) = cluster.nodes["node1"].paths.move_keys.iterdir()
    assert (key.name, key.stat().st_mode & 0o777) == (told["x509_key_name"][0], 0o600)
    assert "PRIVATE KEY" not in told["x509_ca"]
    assert told["disk_sizes"] == [64]


@pytest.mark.parametrize(("mode", "told"), [("remote", "has no cluster domain secret"), ("x", "'mode'")])
async def test_it_is_refused_without_a_secret_or_a_mode_that_there_is(cluster, mode, told):
    with pytest.raises(errors.CheckFailed, match=told):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode=mode)


async def test_there_are_not_any_number_of_keys(cluster, monkeypatch):
    monkeypatch.setattr("ganeti.node.moving.MOST_KEYS", 2)
    await cluster.run("OP_CLUSTER_RENEW_CRYPTO", new_cluster_domain_secret=True)
    for _ in range(2):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="remote")
    with pytest.raises(errors.InsufficientResources, match="2 keys for moves"):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="remote")
    for key in cluster.nodes["node1"].paths.move_keys.iterdir():
        key.write_text("no longer a certificate")
    await cluster.run("OP_BACKUP_PREPARE", instance_name="web1", mode="remote")
    assert len(list(cluster.nodes["node1"].paths.move_keys.iterdir())) == 1


async def test_not_of_an_instance_whose_node_is_offline(cluster):
    await cluster.add("web2", node="node3", template="plain", os_type="tiny", start=False)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    with pytest.raises(errors.WrongState, match="node3 is marked offline"):
        await cluster.run("OP_BACKUP_PREPARE", instance_name="web2", mode="local")
