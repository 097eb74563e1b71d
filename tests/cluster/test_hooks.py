# SPDX-License-Identifier: BSD-2-Clause
"""The administrator's scripts around every operation that has some: where they run, what they are told.

What must be is in ``compat/ganeti/hooks.json``, from Ganeti's "customisation using hooks"; the
exceptions are below, each with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from compat.facts import FACTS as COMPAT
from ganeti import errors
from ganeti.operations import all_operations
from ganeti.operations import find as find_operation
from tests.cluster.paper import running
from tests.cluster.providers import provide

FACTS = COMPAT["hooks"]
HOOKED = [operation.wire_name() for operation in all_operations() if operation.hook]
MASTER = "node1"


@dataclass(frozen=True)
class Rehearsal:
    """An operation on ``target`` to carry out on a cluster with web1 on node2, and web2 mirrored on node2 and node3.

    ``parts``: which nodes play the parts that the facts name, besides the master. ``said``: variables with
    their values before it. ``becomes``: those that are different after it, None for what is not said any more.
    """

    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    becomes: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # what is carried out before the scripts are there
    disks_lost: bool = False  # those of web2
    lonely: bool = False  # a cluster of its master alone


WEB1 = {"instance_name": "web1"}
MOVED = {"OLD_PRIMARY": "node2", "NEW_PRIMARY": "node3", "OLD_SECONDARY": "", "NEW_SECONDARY": ""}
ON_NODE2 = {"primary": ["node2"]}
MIRRORED = {"primary": ["node2"], "secondary": ["node3"]}
TEMPLATES = {"enabled_disk_templates": ("sharedfile", "drbd", "plain"), "vg_name": "xenvg"}
PLAIN_WEB3 = (
    "OP_INSTANCE_CREATE",
    {
        "instance_name": "web3",
        "mode": "create",
        "disk_template": "plain",
        "disks": [{"size": 64}],
        "nics": [],
        "pnode": "node2",
        "no_install": True,
        "name_check": False,
        "ip_check": False,
    },
)
NET1 = ("OP_NETWORK_ADD", {"network_name": "net1", "network": "192.0.2.0/24"})
RACK2 = (
    ("OP_GROUP_ADD", {"group_name": "rack2"}),
    ("OP_GROUP_ASSIGN_NODES", {"group_name": "rack2", "nodes": ["node4"]}),
)
WHOLE_GROUP = {"nodegroup": ["node1", "node2", "node3", "node4"]}
CONNECTED = {
    "GROUP_NAME": "default",
    "GROUP_NETWORK_MODE": "bridged",
    "GROUP_NETWORK_LINK": "br0",
    "GROUP_NETWORK_VLAN": "",
    "NETWORK_SUBNET": "192.0.2.0/24",
}
TO_NODE3 = {"primary": ["node2"], "source": ["node2"], "target": ["node3"]}

REHEARSALS = {
    "OP_BACKUP_EXPORT": Rehearsal(
        "web2",
        {"instance_name": "web2", "mode": "local", "target_node": "node4"},
        parts=MIRRORED,
        said={"EXPORT_MODE": "local", "EXPORT_NODE": "node4", "EXPORT_DO_SHUTDOWN": "True", "REMOVE_INSTANCE": "False"},
        before=(("OP_INSTANCE_SET_PARAMS", {"instance_name": "web2", "os_name": "tiny"}),),
    ),
    "OP_CLUSTER_DESTROY": Rehearsal("cluster", lonely=True),
    "OP_CLUSTER_POST_INIT": Rehearsal("cluster"),
    "OP_CLUSTER_RENAME": Rehearsal("cluster", {"name": "cluster2"}, said={"NEW_NAME": "cluster2"}),
    "OP_CLUSTER_VERIFY_GROUP": Rehearsal(
        "cluster",
        {"group_name": "default"},
        parts={"all": ["node1", "node2", "node3", "node4"]},
        said={"CLUSTER_TAGS": "", "NODE_TAGS_node3": ""},
    ),
    "OP_CLUSTER_SET_PARAMS": Rehearsal("cluster", {"candidate_pool_size": 2}, said={"NEW_VG_NAME": "xenvg"}),
    "OP_GROUP_ADD": Rehearsal("rack2", {"group_name": "rack2"}, said={"GROUP_NAME": "rack2"}),
    "OP_GROUP_EVACUATE": Rehearsal(
        "rack2",
        {"group_name": "rack2"},
        parts={"all": ["node4"]},
        said={"GROUP_NAME": "rack2", "TARGET_GROUPS": "group-default"},
        before=RACK2,
    ),
    "OP_GROUP_REMOVE": Rehearsal(
        "rack2",
        {"group_name": "rack2"},
        said={"GROUP_NAME": "rack2"},
        before=(("OP_GROUP_ADD", {"group_name": "rack2"}),),
    ),
    "OP_GROUP_RENAME": Rehearsal(
        "default",
        {"group_name": "default", "new_name": "rack1"},
        parts={"all": ["node1", "node2", "node3", "node4"]},
        said={"OLD_NAME": "default", "NEW_NAME": "rack1"},
    ),
    "OP_GROUP_SET_PARAMS": Rehearsal(
        "default",
        {"group_name": "default", "alloc_policy": "last_resort"},
        said={"GROUP_NAME": "default", "NEW_ALLOC_POLICY": "last_resort"},
    ),
    "OP_INSTANCE_CHANGE_GROUP": Rehearsal(
        "web1",
        {**WEB1, "target_groups": ["rack2"], "iallocator": "nothing"},
        said={"INSTANCE_PRIMARY": "node2"},
        before=RACK2,
    ),
    "OP_INSTANCE_CREATE": Rehearsal(
        "web3",
        {
            "instance_name": "web3",
            "mode": "create",
            "disk_template": "sharedfile",
            "disks": [{"size": 64}],
            "nics": [{"mac": "aa:00:00:12:34:56"}],
            "iallocator": "mine",
            "no_install": True,
            "name_check": False,
            "ip_check": False,
            "tags": ["blue"],
        },
        parts={"primary": ["node3"]},
        said={
            "ADD_MODE": "create",
            "INSTANCE_PRIMARY": "node3",
            "INSTANCE_SECONDARIES": "",
            "INSTANCE_MEMORY": "128",
            "INSTANCE_NIC_COUNT": "1",
            "INSTANCE_NIC0_MAC": "aa:00:00:12:34:56",
            "INSTANCE_DISK_COUNT": "1",
            "INSTANCE_DISK0_SIZE": "64",
            "INSTANCE_DISK0_MODE": "rw",
            "INSTANCE_TAGS": "blue",
            "INSTANCE_STATUS": "down",
        },
    ),
    "OP_INSTANCE_FAILOVER": Rehearsal(
        "web1",
        {**WEB1, "target_node_uuid": "uuid-node3"},
        parts=TO_NODE3,
        said={**MOVED, "INSTANCE_PRIMARY": "node2", "SHUTDOWN_TIMEOUT": "120"},
        becomes={"INSTANCE_PRIMARY": "node3"},
    ),
    "OP_INSTANCE_MOVE": Rehearsal(
        "web3",
        {"instance_name": "web3", "target_node": "node3"},
        parts={"primary": ["node2"], "target": ["node3"]},
        said={"TARGET_NODE": "node3", "SHUTDOWN_TIMEOUT": "120", "INSTANCE_PRIMARY": "node2"},
        becomes={"INSTANCE_PRIMARY": "node3"},
        before=(PLAIN_WEB3,),
    ),
    "OP_INSTANCE_SET_PARAMS": Rehearsal(
        "web3",
        {"instance_name": "web3", "disk_template": "drbd", "remote_node": "node3"},
        parts={"primary": ["node2"], "secondary": ["node3"]},
        said={"NEW_DISK_TEMPLATE": "drbd", "RUNTIME_MEMORY": "", "INSTANCE_SECONDARIES": ""},
        becomes={"INSTANCE_SECONDARIES": "node3", "INSTANCE_DISK_TEMPLATE": "drbd"},
        before=(PLAIN_WEB3,),
    ),
    "OP_INSTANCE_GROW_DISK": Rehearsal(
        "web2",
        {"instance_name": "web2", "disk": 0, "amount": 64},
        parts=MIRRORED,
        said={"DISK": "0", "AMOUNT": "64", "ABSOLUTE": "False"},
    ),
    "OP_INSTANCE_MIGRATE": Rehearsal(
        "web1",
        {**WEB1, "target_node": "node3", "mode": "live"},
        parts=TO_NODE3,
        said={**MOVED, "INSTANCE_PRIMARY": "node2", "MIGRATE_LIVE": "True"},
        becomes={"INSTANCE_PRIMARY": "node3"},
    ),
    "OP_INSTANCE_REBOOT": Rehearsal(
        "web1", {**WEB1, "reboot_type": "hard"}, parts=ON_NODE2, said={"REBOOT_TYPE": "hard"}
    ),
    "OP_INSTANCE_RECREATE_DISKS": Rehearsal(
        "web2",
        {"instance_name": "web2"},
        parts=MIRRORED,
        said={"INSTANCE_STATUS": "down"},
        before=(("OP_INSTANCE_SHUTDOWN", {"instance_name": "web2"}),),
        disks_lost=True,
    ),
    "OP_INSTANCE_REINSTALL": Rehearsal(
        "web2",
        {"instance_name": "web2", "os_type": "tiny"},
        parts=MIRRORED,
        said={"INSTANCE_STATUS": "down", "INSTANCE_OS_TYPE": ""},
        becomes={"INSTANCE_OS_TYPE": "tiny"},
        before=(("OP_INSTANCE_SHUTDOWN", {"instance_name": "web2"}),),
    ),
    "OP_INSTANCE_RENAME": Rehearsal(
        "web2",
        {"instance_name": "web2", "new_name": "db2", "name_check": False},
        parts=MIRRORED,
        said={"INSTANCE_NAME": "web2", "INSTANCE_NEW_NAME": "db2"},
        becomes={"INSTANCE_NAME": "db2"},
        before=(("OP_INSTANCE_SHUTDOWN", {"instance_name": "web2"}),),
    ),
    "OP_INSTANCE_REPLACE_DISKS": Rehearsal(
        "web2",
        {"instance_name": "web2", "mode": "replace_new_secondary", "remote_node": "node4"},
        parts={**MIRRORED, "new": ["node4"]},
        said={"MODE": "replace_new_secondary", "OLD_SECONDARY": "node3", "NEW_SECONDARY": "node4"},
    ),
    "OP_INSTANCE_REMOVE": Rehearsal(
        "web1", WEB1, parts=ON_NODE2, said={"INSTANCE_PRIMARY": "node2"}, becomes={"INSTANCE_PRIMARY": None}
    ),
    "OP_INSTANCE_SHUTDOWN": Rehearsal(
        "web1",
        WEB1,
        parts=ON_NODE2,
        said={"INSTANCE_STATUS": "up", "TIMEOUT": "120"},
        becomes={"INSTANCE_STATUS": "down"},
    ),
    "OP_INSTANCE_STARTUP": Rehearsal(
        "web1", {**WEB1, "force": True}, parts=ON_NODE2, said={"INSTANCE_STATUS": "up", "FORCE": "True"}
    ),
    "OP_NETWORK_ADD": Rehearsal(
        "net1",
        {
            "network_name": "net1",
            "network": "192.0.2.0/24",
            "gateway": "192.0.2.1",
            "network6": "2001:db8::/64",
            "gateway6": "2001:db8::1",
            "mac_prefix": "aa:00:02",
            "tags": ["red", "blue"],
        },
        said={
            "NETWORK_NAME": "net1",
            "NETWORK_SUBNET": "192.0.2.0/24",
            "NETWORK_GATEWAY": "192.0.2.1",
            "NETWORK_SUBNET6": "2001:db8::/64",
            "NETWORK_GATEWAY6": "2001:db8::1",
            "NETWORK_MAC_PREFIX": "aa:00:02",
            "NETWORK_TAGS": "blue red",
        },
    ),
    "OP_NETWORK_CONNECT": Rehearsal(
        "net1",
        {"network_name": "net1", "group_name": "default", "network_mode": "bridged", "network_link": "br0"},
        parts=WHOLE_GROUP,
        said=CONNECTED,
        before=(NET1,),
    ),
    "OP_NETWORK_DISCONNECT": Rehearsal(
        "net1",
        {"network_name": "net1", "group_name": "default"},
        parts=WHOLE_GROUP,
        said=CONNECTED,
        before=(
            NET1,
            (
                "OP_NETWORK_CONNECT",
                {"network_name": "net1", "group_name": "default", "network_mode": "bridged", "network_link": "br0"},
            ),
        ),
    ),
    "OP_NETWORK_REMOVE": Rehearsal("net1", {"network_name": "net1"}, said={"NETWORK_NAME": "net1"}, before=(NET1,)),
    "OP_NETWORK_RENAME": Rehearsal(
        "net1",
        {"network_name": "net1", "new_name": "net2"},
        parts={"all": ["node1", "node2", "node3", "node4"]},
        said={"OLD_NAME": "net1", "NEW_NAME": "net2"},
        before=(NET1,),
    ),
    "OP_NETWORK_SET_PARAMS": Rehearsal(
        "net1",
        {"network_name": "net1", "gateway": "192.0.2.1"},
        said={"NETWORK_NAME": "net1", "NETWORK_GATEWAY": "192.0.2.1", "NETWORK_TAGS": ""},
        before=(NET1,),
    ),
    "OP_NODE_ADD": Rehearsal(
        "node5",
        {"node_name": "node5", "primary_ip": "10.0.0.5"},
        parts={"others": ["node1", "node2", "node3", "node4"], "new": ["node5"]},
        said={"NODE_PIP": "10.0.0.5", "NODE_SIP": "10.0.0.5", "VM_CAPABLE": "True"},
    ),
    "OP_NODE_MIGRATE": Rehearsal("node2", {"node_name": "node2"}, said={"ALLOW_RUNTIME_CHANGES": "True"}),
    "OP_NODE_REMOVE": Rehearsal(
        "node4",
        {"node_name": "node4"},
        parts={"others": ["node1", "node2", "node3"]},
        said={"NODE_NAME": "node4"},
        becomes={"NODE_NAME": None},
    ),
    "OP_NODE_SET_PARAMS": Rehearsal(
        "node4",
        {"node_name": "node4", "drained": True},
        parts={"target": ["node4"]},
        said={"DRAINED": "True", "OFFLINE": "False"},
    ),
}
# Variables that are not given, by operation.
LEFT_OUT = {
    "OP_INSTANCE_CREATE": dict.fromkeys(("SRC_NODE", "SRC_PATH", "SRC_IMAGES"), "for imports only"),
}


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Scripts:
    """A script for one operation on every machine, which writes down that it ran and what it was told."""

    def __init__(self, cluster, path):
        self._ran = cluster.root / "ran"
        self._ran.mkdir()
        for name, machine in cluster.nodes.items():
            for phase in ("pre", "post"):
                program(machine.paths.hooks / f"{path}-{phase}.d/10-record", f"env > {self._ran}/{phase}-{name}")

    def nodes(self, phase):
        """Where they ran."""
        return {path.name.removeprefix(f"{phase}-") for path in self._ran.glob(f"{phase}-*")}

    def told(self, phase, node):
        lines = (self._ran / f"{phase}-{node}").read_text().splitlines()
        pairs = (line.removeprefix("GANETI_").split("=", 1) for line in lines if line.startswith("GANETI_"))
        return dict(pairs)


def test_every_operation_with_hooks_is_rehearsed():
    assert sorted(REHEARSALS) == sorted(HOOKED)


@pytest.mark.parametrize("wire_name", HOOKED)
async def test_scripts_run_where_they_should_and_know_what_is_planned(tmp_path, wire_name):
    rehearsal, facts, hook = REHEARSALS[wire_name], FACTS[wire_name], find_operation(wire_name).hook
    async with running(tmp_path, nodes=1 if rehearsal.lonely else 4, **TEMPLATES) as cluster:
        if not rehearsal.lonely:
            await cluster.add("web1", node="node2")
            await cluster.add("web2", node="node2", template="drbd", snode="node3")
            cluster.new_machine(5)
            cluster.resolver.names["cluster2"] = "10.0.0.101"
            provide(cluster, "tiny")
            program(tmp_path / "iallocators/mine", """echo '{"success": true, "result": ["node3"]}'""")
            program(
                tmp_path / "iallocators/nothing",
                """echo '{"success": true, "result": [[["web1", "rack2", ["node4"]]], [], []]}'""",
            )
        for what, parameters in rehearsal.before:
            await cluster.run(what, **parameters)
        if rehearsal.disks_lost:
            cluster.disks.copies.clear()
        scripts = Scripts(cluster, facts["path"])
        await cluster.run(wire_name, **rehearsal.parameters)
    parts = {"master": [MASTER], "secondary": [], **rehearsal.parts}
    for phase in ("pre", "post"):
        expected = {node for part in facts[phase] for node in parts[part]}
        assert scripts.nodes(phase) == expected, phase
        for node in expected:
            told = scripts.told(phase, node)
            missing = set(facts["environment"]) - set(told) - set(LEFT_OUT.get(wire_name, ()))
            assert missing == set()
            assert told.items() >= rehearsal.said.items()
            assert (told["HOOKS_PHASE"], told["OBJECT_TYPE"]) == (phase, hook.about)
            assert told["OP_TARGET"] == rehearsal.target
    after = scripts.told("post", MASTER)
    becomes = {f"POST_{name}": value for name, value in {**rehearsal.said, **rehearsal.becomes}.items()}
    assert {name: after.get(name) for name in becomes} == becomes


async def test_a_script_before_an_operation_refuses_it_on_the_node_that_the_allocator_chose(tmp_path):
    async with running(tmp_path, nodes=3) as cluster:
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node1", vm_capable=False)
        for name in ("node2", "node3"):
            program(cluster.nodes[name].paths.hooks / "instance-add-pre.d/10-licence", "echo no licence left; exit 1")
        with pytest.raises(errors.HookAborted, match=r"node[23]: .*no licence left"):
            await cluster.add("web1", node=None, iallocator="hail")
        assert cluster.state.instances == []
