# SPDX-License-Identifier: BSD-2-Clause
"""Commands that are more than an operation tell what they would do, and change nothing."""

import json

import pytest

from tests.cluster.programs import with_program

END = "Checked only; nothing was changed"


@pytest.fixture
def programs(background, cluster):
    """The nodes have out-of-band programs; nothing may ask them."""
    programs = cluster.nodes["node1"].equipment.programs
    with_program(cluster.nodes["node1"].paths, "/usr/local/bin/oob")
    background.do(cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": "/usr/local/bin/oob"}))
    programs.asked.clear()
    yield programs
    background.do(cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": ""}))


@pytest.fixture
def preview(gnt, background, cluster, programs):
    """What a command says with --preview, by which nothing changed."""

    async def things():
        guests = {name: await node.guests() for name, node in cluster.nodes.items()}
        return cluster.state.entities, guests, await cluster.call("QueryConfigValues", ["watcher_pause"])

    def ask(script, command, *words, status=0):
        before = background.do(things())
        ended = gnt(script, command, "--preview", *words)
        assert background.do(things()) == before
        assert programs.asked == []
        assert ended.status == status, ended.errors
        return ended.lines if status == 0 else ended.errors

    return ask


def test_failing_over_a_node_tells_of_each_of_its_instances(preview):
    told = preview("node", "failover", "node1")
    would = [line for line in told if line.startswith("Would")]
    assert [line for line in would if "shut" in line] == [
        f"Would shut {name} down on node1, within 120 seconds" for name in ("web1", "web2")
    ]
    assert [line.rsplit(" ", 1)[0] for line in would if "start" in line] == [
        f"Would start {name} on" for name in ("web1", "web2")
    ]
    assert told.count(END) == 2
    assert not any("successfully" in line for line in told)
    assert preview("node", "failover", "node3") == ["No primary instances on node node3, exiting."]


def test_an_emergency_power_off_and_the_way_back(preview, background, cluster):
    assert preview("cluster", "epo", "node2", "node3") == [
        "Would pause the watcher meanwhile",
        "Would mark node2 offline",
        "Would mark node3 offline",
        "Would switch off node2 by /usr/local/bin/oob",
        "Would switch off node3 by /usr/local/bin/oob",
        "Risk: if an instance does not shut down in time, it is asked whether the nodes are switched off anyway",
        "Risk: a node whose program fails keeps its power, marked offline",
        END,
    ]
    told = preview("cluster", "epo", "--all", "--shutdown-timeout=60")
    assert told[:3] == [
        "Would pause the watcher until all is switched on again",
        "Would shut web1 down, within 60 seconds",
        "Would shut web2 down, within 60 seconds",
    ]
    assert "Risk: node1 is the master, and stays on" in told
    assert preview("cluster", "epo", "--on", "node2") == ["Would change nothing", END]
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True))
    assert preview("cluster", "epo", "--on", "--all") == [
        "Would switch on node3 by /usr/local/bin/oob",
        "Would mark node3 online, when it answers",
        "Would end the pause of the watcher that 'epo --all' has set",
        "Takes up to 15 minutes until the nodes answer",
        "Risk: a node that does not answer in time stays marked offline, and its instances stay down",
        END,
    ]
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False))


def test_switching_power(preview):
    told = preview("node", "power", "off", "node3")
    assert "Would change offline -> True" in told
    assert told[-3:] == [
        "Would switch off node3 by /usr/local/bin/oob",
        "Risk: a node whose program fails keeps its power",
        END,
    ]
    told = preview("node", "power", "on", "node2", "node3")
    assert told == [
        "Would switch on node2 by /usr/local/bin/oob",
        "Would switch on node3 by /usr/local/bin/oob",
        "Takes 2 seconds between one node and the next",
        END,
    ]
    assert "is the master, which does not switch itself off" in preview("node", "power", "cycle", "node1", status=1)


def test_creating_several(preview, tmp_path):
    def batch(*specifications):
        common = {"disk_template": "diskless", "name_check": False, "no_install": True, "nics": [], "start": False}
        path = tmp_path / "instances.json"
        path.write_text(json.dumps([{**common, **one} for one in specifications]))
        return str(path)

    good = batch({"instance_name": "new1", "pnode": "node2"}, {"instance_name": "new2", "pnode": "node3"})
    assert preview("instance", "batch-create", good) == [
        "Would create instance new1 on node2",
        "Would create instance new2 on node3",
        "Risk: each is tried on the cluster as it is, without the others",
        END,
    ]
    bad = batch({"instance_name": "web1", "pnode": "node2"}, {"instance_name": "new2", "pnode": "node9"})
    told = preview("instance", "batch-create", bad, status=1)
    assert "Instance web1: " in told
    assert "Instance new2: " in told


def test_connecting_and_disconnecting_a_network(preview, gnt):
    assert gnt("network", "add", "--network=192.0.2.0/24", "lan").status == 0
    told = preview("network", "connect", "-N", "link=br7,vlan=.7", "lan")
    assert told[0] == "Would connect network lan to node group default, with mode bridged, link br7, vlan .7"
    assert gnt("network", "connect", "lan").status == 0
    assert (
        preview("network", "disconnect", "lan", "default")[0] == "Would disconnect network lan from node group default"
    )
    assert gnt("network", "disconnect", "lan").status == 0
    assert gnt("network", "remove", "lan").status == 0


def test_deleting_a_filter(preview, gnt):
    uuid = gnt("filter", "add", '--predicates=[["jobid", ["<", "id", 5]]]', "--action=REJECT").lines[0]
    assert preview("filter", "delete", uuid) == [
        f'Would delete filter {uuid}: REJECT [["jobid", ["<", "id", 5]]]',
        "Risk: jobs that it holds back go on, unless another filter holds them back",
        END,
    ]
    assert gnt("filter", "info", uuid).status == 0
    assert gnt("filter", "delete", uuid).status == 0
    assert "nosuch" in preview("filter", "delete", "nosuch", status=1)


def test_settings_are_told_one_by_one_with_no_secret_among_them(preview):
    told = preview(
        "cluster", "modify", "-H", "kvm:kernel_args=quiet,acpi=no", "-B", "vcpus=2", "--candidate-pool-size=7"
    )
    assert told == [
        "Would change hvparams/kvm/kernel_args -> quiet",
        "Would change hvparams/kvm/acpi -> False",
        "Would change candidate_pool_size -> 7",
        "Would change beparams/vcpus -> 2",
        END,
    ]
    told = preview("os", "modify", "--os-parameters-private=key=secret", "--hidden=yes", "-O", "dhcp=yes", "deb")
    assert told == [
        "Would change osparams/deb/dhcp -> yes",
        "Would change osparams_private -> <redacted>",
        "Would change hidden_os -> deb",
        END,
    ]


def test_a_cluster_with_instances_is_not_destroyed(preview):
    assert "There are still 3 instance(s)" in preview("cluster", "destroy", status=1)
