# SPDX-License-Identifier: BSD-2-Clause
"""DRBD in the kernels of nodes."""

from dataclasses import replace

import pytest
from msgspec import structs

from ganeti.model.cluster import DRBD_HELPER
from ganeti.model.entity import evolve
from ganeti.rpc.contract.verify import DrbdFacts
from tests.cluster.cluster.verify.findings import found


class Kernel:
    def __init__(self, **facts):
        self._facts = DrbdFacts(**({"version": "8.4.11", "helper": DRBD_HELPER} | facts))

    def facts(self):
        return self._facts


@pytest.fixture
async def mirroring(cluster):
    first = {"enabled_disk_templates": ("drbd", "sharedfile"), "vg_name": "xenvg"}
    await cluster.master.configuration.commit([evolve(cluster.state.cluster, **first)])
    return cluster


def give(cluster, node, **facts):
    cluster.nodes[node].equipment = replace(cluster.nodes[node].equipment, drbd=Kernel(**facts))
    cluster.nodes[node].start()


async def test_nodes_that_have_what_others_have_are_fine(mirroring):
    await mirroring.add("web1", template="drbd", snode="node2")
    give(mirroring, "node1", minors=(0,))
    assert await found(mirroring) == []


async def test_a_helper_other_than_the_clusters_is_found(mirroring):
    give(mirroring, "node2", helper="/sbin/drbdadm")
    (finding,) = await found(mirroring)
    assert finding.startswith("ENODEDRBDHELPER:node2:DRBD calls '/sbin/drbdadm' on events instead of '/bin/true'")
    await mirroring.run("OP_CLUSTER_SET_PARAMS", drbd_helper="/sbin/drbdadm")
    assert [line.split(":")[1] for line in await found(mirroring)] == ["node1", "node3"]


async def test_a_node_with_another_version_is_found(mirroring):
    give(mirroring, "node3", version="8.4.10")
    (finding,) = await found(mirroring)
    assert finding == "ENODEDRBDVERSION:node3:it has DRBD 8.4.10, other nodes have 8.4.11"


async def test_a_device_that_belongs_to_no_instance_is_found(mirroring):
    give(mirroring, "node2", minors=(4,))
    (finding,) = await found(mirroring)
    assert finding.startswith("ENODEDRBD:node2:/dev/drbd4 belongs to no disk")


async def test_a_cluster_that_mirrors_nothing_asks_for_no_drbd(cluster):
    give(cluster, "node2", helper="", minors=(4,))
    assert await found(cluster) == []


async def test_copies_that_are_not_in_sync_are_found(mirroring):
    await mirroring.add("web1", template="drbd", snode="node2")
    assert await found(mirroring) == []
    mirroring.nodes["node2"].equipment.storages["drbd"].lose_power()
    (finding,) = await found(mirroring)
    assert finding == (
        "EINSTANCEFAULTYDISK:web1:disk/0 on node1 is degraded: Connecting, UpToDate here, DUnknown on the other node"
    )


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (
            {"connection": "SyncSource", "peer_disk": "Inconsistent", "synced": 17.0, "missing": 300},
            (
                "WARNING:EINSTANCEFAULTYDISK:web1:disk/0 on node1 is being synchronised: "
                "SyncSource, UpToDate here, Inconsistent on the other node, 17 % in sync"
            ),
        ),
        (
            {"connection": "StandAlone", "peer_disk": "DUnknown", "missing": 12},
            (
                "EINSTANCEFAULTYDISK:web1:disk/0 on node1 is degraded: "
                "StandAlone, UpToDate here, DUnknown on the other node, 12 KiB have changed here since"
            ),
        ),
    ],
)
async def test_how_far_apart_copies_are_is_told(mirroring, monkeypatch, changes, finding):
    await mirroring.add("web1", template="drbd", snode="node2")
    storage = mirroring.nodes["node1"].equipment.storages["drbd"]
    examine = storage.examine

    async def changed(disks, peers):
        (status,) = await examine(disks, peers)
        return (structs.replace(status, mirror=structs.replace(status.mirror, **changes)),)

    monkeypatch.setattr(storage, "examine", changed)
    assert await found(mirroring) == [finding]
