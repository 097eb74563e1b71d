# SPDX-License-Identifier: BSD-2-Clause
"""The placement tools on a cluster that runs, over the master daemon's socket and over the remote API."""

import json
import re
from collections import Counter

import pytest

from ganeti.cli.htools.inputs import rapi
from ganeti.errors import WrongInput
from ganeti.lab.plan import CLUSTER
from tests.real.cluster.work import creation, eventually, statuses

COUNT = 9
_ON_NODE3 = 'pnode == "node3.lab.test"'
_SHARED_FILES = {"disk_template": "sharedfile", "disks": [{"size": 1024}], "pnode": "node1"}
_SCORE = re.compile(r"Initial score: ([0-9.]+)")
_REQUEST = {
    "type": "allocate",
    "name": "new.lab.test",
    "disks": [{"size": 1024, "mode": "rw"}],
    "disk_space_total": 1024,
    "required_nodes": 1,
    "memory": 128,
    "vcpus": 1,
    "spindle_use": 1,
    "disk_template": "sharedfile",
    "hypervisor": "fake",
    "nics": [{}],
    "tags": [],
    "os": "none",
}


@pytest.fixture
def crowded(cluster):
    """All instances are on the first of three nodes, with files that are everybody's; every second one runs."""
    client = cluster.client()
    jobs = [client.call("SubmitJob", [creation(f"i{number}.lab.test") | _SHARED_FILES]) for number in range(COUNT)]
    client.close()
    assert set(statuses(cluster, jobs).values()) == {"success"}
    cluster.gnt("gnt-instance", "start", "--force-multiple", *(f"i{number}" for number in range(0, COUNT, 2)))
    cluster.master.path("/var/lib/ganeti/rapi/users").write_text("reader secret read\n")
    return cluster


def column(cluster, field):
    """How often each value of a field of the instances there is."""
    return Counter(cluster.gnt("gnt-instance", "list", "--no-headers", "-o", field).split())


def score(cluster, *backend):
    return float(_SCORE.search(cluster.gnt("hbal", *backend)).group(1))


def test_the_tools_read_a_running_cluster_balance_and_repair_it(crowded):
    everything_is_read_over_luxi(crowded)
    the_remote_api_says_the_same(crowded)
    hail_places_an_instance_where_there_are_none(crowded)
    hbal_moves_instances(crowded)
    tags_keep_instances_apart(crowded)
    harep_brings_instances_from_a_dead_node(crowded)


def everything_is_read_over_luxi(cluster):
    assert "Loaded 3 nodes, 9 instances, 1 node group" in cluster.gnt("hinfo", "-L")
    assert "No need to rebalance cluster, no problems found." in cluster.gnt("hcheck", "-L")
    assert "node1.lab.test" in cluster.gnt("hroller", "-L")
    assert "Normal (fixed-size) allocation results" in cluster.gnt("hspace", "-L")
    assert "'Nodes to online'" in cluster.gnt("hsqueeze", "-L", "--minimal-resources=1")
    assert "Healthy: 9" in cluster.gnt("harep", "-L")


def the_remote_api_says_the_same(cluster):
    # What is free on the disk of this machine changes while others write to it.
    over_api = ("-m", "https://reader:secret@cluster:5080")
    eventually(lambda: (score(cluster, *over_api), score(cluster, "-L")), lambda scores: scores[0] == scores[1])
    address = cluster.lab.plan.host(CLUSTER)
    outside = rapi.load(f"https://reader:secret@{address}:5080", None).snapshot
    assert (len(outside.nodes), len(outside.instances)) == (3, COUNT)
    for stranger in (str(address), f"https://reader:wrong@{address}:5080"):
        with pytest.raises(WrongInput, match="401 Unauthorized; name a user"):
            rapi.load(stranger, None)


def hail_places_an_instance_where_there_are_none(cluster):
    cluster.gnt("hscan", "-L", "-d", "/root")
    nothing = {"version": 2, "cluster_name": "cluster", "cluster_tags": [], "enabled_hypervisors": ["fake"]}
    nothing |= {"ipolicy": {}, "nodegroups": {}, "nodes": {}, "instances": {}}
    cluster.master.path("/root/request").write_text(json.dumps({**nothing, "request": _REQUEST}))
    answer = json.loads(cluster.gnt("hail", "-t", "/root/LOCAL.data", "/root/request"))
    assert (answer["success"], answer["result"] in (["node2.lab.test"], ["node3.lab.test"])) == (True, True), answer


def hbal_moves_instances(cluster):
    before, states = score(cluster, "-L"), column(cluster, "status")
    assert states == {"running": 5, "ADMIN_down": 4}
    planned = cluster.gnt("hbal", "-L", "-C", "--plan")
    assert all(said in planned for said in ("gnt-instance migrate -f -n", "gnt-instance failover -f -n", "N+1 holds"))
    assert column(cluster, "pnode") == {"node1.lab.test": COUNT}

    first = cluster.gnt("hbal", "-L", "-X", "--max-length=1")
    assert len(re.findall(r"job \d+: success", first)) == 1, first
    assert column(cluster, "pnode")["node1.lab.test"] == COUNT - 1
    cluster.gnt("hbal", "-L", "-X")
    assert column(cluster, "pnode") == {f"node{number}.lab.test": COUNT // 3 for number in (1, 2, 3)}
    assert column(cluster, "status") == states
    assert score(cluster, "-L") < before / 5


def tags_keep_instances_apart(cluster):
    """Instances on one node are told to stay apart, with tags of the cluster and their own.

    All nodes have as many, so that two have to change places.
    """
    listed = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name", "--filter", 'pnode == "node2.lab.test"')
    twins = listed.split()[:2]
    cluster.gnt("gnt-cluster", "add-tags", "htools:iextags:role")
    for name in twins:
        cluster.gnt("gnt-instance", "add-tags", name, "role:db")
    assert cluster.gnt("gnt-cluster", "search-tags", "^role").split() == [
        word for name in twins for word in (f"/instances/{name}", "role:db")
    ]
    together = score(cluster, "-L")
    cluster.gnt("hbal", "-L", "--optimal=2", "-X")
    assert score(cluster, "-L") < together - 1.9
    nodes = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "pnode", *twins).split()
    assert len(set(nodes)) == 2, nodes


def harep_brings_instances_from_a_dead_node(cluster):
    """Those of node3, but for one whose repair is suspended."""
    listed = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name,admin_state", "--filter", _ON_NODE3)
    (suspended, _), *others = (line.split() for line in listed.splitlines())
    cluster.kill("ganeti-noded", "node3")
    cluster.gnt("gnt-node", "modify", "--offline=yes", "node3")
    assert f"Repair disallowed: {len(others) + 1}" in cluster.gnt("harep")

    cluster.gnt("gnt-cluster", "add-tags", "ganeti:watcher:autorepair:failover")
    cluster.gnt("gnt-instance", "add-tags", suspended, "ganeti:watcher:autorepair:suspend")
    assert f"Needs repair: {len(others)}\nSuspended: 1" in cluster.gnt("harep", "--dry-run")
    begun = cluster.gnt("harep")
    assert begun.count("; failover; job ") == len(others)
    eventually(lambda: cluster.gnt("gnt-instance", "list", "--no-headers", "--filter", _ON_NODE3).count("\n") == 1)

    eventually(lambda: f"Healthy: {COUNT - 1}\nSuspended: 1" in cluster.gnt("harep"))
    for name, admin_state in others:
        tags = cluster.gnt("gnt-instance", "list-tags", name)
        assert re.search(r"^ganeti:watcher:autorepair:result:failover:\w+:\d+:success:\d+$", tags, re.MULTILINE), tags
        assert "pending" not in tags
        state = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "oper_state", name).strip()
        assert state == ("Y" if admin_state == "up" else "N")
