# SPDX-License-Identifier: BSD-2-Clause
"""Providers of external storage that instances need."""

import pytest

from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import running
from tests.cluster.storage.test_diagnose import SCRIPTS, provider


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, enabled_disk_templates=("ext", "sharedfile")) as cluster:
        await cluster.add("web1", template="ext", disks=[{"size": 64, "provider": "san"}])
        yield cluster


async def test_a_provider_that_all_nodes_have_is_fine(cluster):
    for node in cluster.nodes.values():
        provider(node, "san")
    assert await found(cluster) == []


async def test_nodes_that_lack_a_provider_or_a_part_of_it_are_named(cluster):
    provider(cluster.nodes["node1"], "san")
    provider(cluster.nodes["node3"], "san", scripts=SCRIPTS[1:])
    unusable = "the storage provider san, which web1 needs, cannot be used: it has no executable"
    assert await found(cluster) == [
        "ENODESETUP:node2:lacks the storage provider san, which web1 needs",
        f"ENODESETUP:node3:{unusable} '{SCRIPTS[0]}'",
    ]
