# SPDX-License-Identifier: BSD-2-Clause
"""What each operation needs in order to be carried out in a simulation: a row each, or several."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from ganeti.host.certificates import create_one_time_credentials, fingerprint
from ganeti.model.domain import Destination, Domain
from ganeti.model.entity import evolve
from ganeti.model.network import Network
from ganeti.model.node import Node
from ganeti.node.hypervisor.fake import PaperAgent
from ganeti.node.storage.fake import FakePool
from tests.cluster.programs import with_program
from tests.cluster.providers import provide

NEW = {
    "mode": "create",
    "disk_template": "sharedfile",
    "disks": [{"size": 64}],
    "nics": [{}],
    "no_install": True,
    "name_check": False,
    "ip_check": False,
}
# What the cluster of a simulation has.
TEMPLATES = {
    "enabled_disk_templates": ("sharedfile", "diskless", "drbd", "plain"),
    "vg_name": "xenvg",
    # So small that its addresses run out.
    "networks": (
        Network(uuid="uuid-net1", name="net1", network="10.1.0.0/29", gateway="10.1.0.1", serial_no=1),
        Network(uuid="uuid-net2", name="net2", network="10.0.0.0/29", serial_no=1),
    ),
}
# Of another cluster; in a simulation it is always the same day.
DOMAIN = Domain("what both of them know", lambda: "salt")
_BEGIN = datetime.fromtimestamp(1_800_000_000, UTC)
ABROAD = DOMAIN.certificate(create_one_time_credentials("move-0.node9", _BEGIN, 10 * 365 * 86400).certificate.decode())
STRANGER = Node(uuid="", name="node4", primary_ip="10.0.0.4", group="")


async def nothing(cluster):
    """The cluster as it is."""


async def stopped(cluster):
    await cluster.add("web1", start=False)


async def running(cluster):
    await cluster.add("web1")


async def with_agent(cluster):
    """It runs, and wherever it goes its agent listens."""
    await running(cluster)
    for node in cluster.nodes.values():
        node.hypervisor().agents["web1"] = PaperAgent()


async def outdated(cluster):
    await running(cluster)
    for node in cluster.nodes.values():
        node.hypervisor().replace_program()


async def growing(cluster):
    await cluster.add("web1", beparams={"vcpus": 2}, hvparams={"max_vcpus": 4, "max_memory": 512})


async def running_image(cluster):
    await cluster.add("web1", disks=[{"size": 64, "format": "qcow2"}])


async def mirrored(cluster, **more):
    """Away from the node that the parameters name, so that it can go there."""
    await cluster.add("web1", template="drbd", snode="node3", **more)


async def mirrored_and_stopped(cluster, **more):
    await mirrored(cluster, start=False, **more)


async def plain(cluster, **more):
    await cluster.add("web1", template="plain", **more)


async def plain_and_stopped(cluster, **more):
    await plain(cluster, start=False, **more)


async def outgrown(cluster):
    """A disk was made larger by hand."""
    await plain_and_stopped(cluster)
    disks = cluster.nodes["node1"].equipment.storages["plain"].disks
    (place,) = disks
    disks[place] = replace(disks[place], size=68)


async def activated(cluster):
    await mirrored_and_stopped(cluster)
    await cluster.run("OP_INSTANCE_ACTIVATE_DISKS", instance_name="web1")


async def installed(cluster):
    """Any machine could install another operating system on it."""
    provide(cluster, "tiny")
    await mirrored_and_stopped(cluster)


async def installed_in_files(cluster):
    provide(cluster, "tiny")
    await cluster.add("web1", start=False, os_type="tiny")


async def installed_and_mirrored(cluster):
    provide(cluster, "tiny")
    await mirrored_and_stopped(cluster, os_type="tiny")


async def exportable(cluster, **more):
    provide(cluster, "tiny")
    await plain(cluster, os_type="tiny", **more)


async def exportable_and_stopped(cluster):
    await exportable(cluster, start=False)


async def exportable_and_mirrored(cluster):
    provide(cluster, "tiny")
    await mirrored(cluster, os_type="tiny")


async def without_snapshots(cluster):
    await exportable(cluster)
    for node in cluster.nodes.values():
        node.equipment.snapshotting["plain"].problem = "there are none"


async def exported(cluster, **more):
    await exportable(cluster)
    await cluster.run("OP_BACKUP_EXPORT", instance_name="web1", target_node="node3", **more)


async def exported_and_removed(cluster):
    await exported(cluster, remove_instance=True)


async def before_it_moves(cluster):
    await plain(cluster)
    await cluster.run("OP_CLUSTER_RENEW_CRYPTO", cluster_domain_secret=DOMAIN.secret)


async def with_senders(cluster):
    """Other clusters send at once what is awaited."""
    await cluster.run("OP_CLUSTER_RENEW_CRYPTO", cluster_domain_secret=DOMAIN.secret)
    cluster.disks.copying.prompt.update(node.primary_ip for node in cluster.state.nodes)


async def apart(cluster):
    await mirrored(cluster)
    cluster.nodes["node3"].equipment.storages["drbd"].lose_power()


async def lost(cluster):
    await mirrored_and_stopped(cluster)
    cluster.disks.copies.clear()


async def strays(cluster):
    """Each node has a volume that could be adopted."""
    for node in cluster.nodes.values():
        node.equipment.storages["plain"].strays["xenvg/old"] = 64


async def pools(cluster):
    """Each node has a thin pool."""
    for node in cluster.nodes.values():
        node.equipment.storages["plain"].pools["xenvg/thin"] = FakePool(1024)


async def thin_and_stopped(cluster):
    await pools(cluster)
    await plain_and_stopped(cluster, disks=[{"size": 64, "thinpool": "thin"}])


async def forthcoming(cluster):
    await cluster.add("web1", start=False, forthcoming=True)


async def forthcoming_and_mirrored(cluster):
    await mirrored_and_stopped(cluster, forthcoming=True)


async def tagged(cluster):
    await cluster.add("web1", tags=["red"])


async def stranger(cluster):
    """A machine with the cluster's credentials that is no node yet."""
    cluster.nodes[STRANGER.name] = cluster.machine(STRANGER, "node1")


async def wanted_stranger(cluster):
    """It becomes a master candidate when it joins."""
    await stranger(cluster)
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=4)


async def member(cluster):
    await stranger(cluster)
    await cluster.run("OP_NODE_ADD", node_name=STRANGER.name, primary_ip=STRANGER.primary_ip)


async def addressed(cluster):
    """The cluster has an address of its own."""
    own = evolve(cluster.state.cluster, master_ip="10.0.0.100", master_netdev="br0")
    await cluster.master.configuration.commit([own])


async def about_to_be_renamed(cluster):
    """The new name is in the DNS."""
    await addressed(cluster)
    cluster.resolver.names["cluster2"] = "10.0.0.101"


async def alone(cluster):
    """The master is the only node that is left."""
    others = [node for node in cluster.state.nodes if node.uuid != cluster.state.cluster.master_node]
    await cluster.master.configuration.commit(deletes=others)


async def grouped(cluster):
    await cluster.run("OP_GROUP_ADD", group_name="rack2")


async def two_groups(cluster):
    """An instance in one node group, and room in another one."""
    await grouped(cluster)
    await cluster.run("OP_GROUP_ASSIGN_NODES", group_name="rack2", nodes=["node2", "node3"])
    await running(cluster)


async def network_apart(cluster):
    """A network that is connected to no node group."""
    await cluster.run("OP_NETWORK_ADD", network_name="net3", network="10.3.0.0/30")


async def reachable_out_of_band(cluster):
    for node in cluster.nodes.values():
        with_program(node.paths, "/usr/local/bin/oob")
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": "/usr/local/bin/oob"})


async def switched_off(cluster):
    await reachable_out_of_band(cluster)
    await cluster.run("OP_OOB_COMMAND", command="power-off", node_names=["node2"], ignore_status=True)


@dataclass(frozen=True)
class Scene:
    """An operation that succeeds on what ``prepare`` has made, there with ``parameters("web1", "node2")``.

    In a storm it is ordered now and then for any instance and node, ``often`` as often as others are.
    """

    wire_name: str
    parameters: Callable[[str, str], dict[str, Any]] = lambda name, node: {}
    prepare: Callable[[Any], Awaitable[None]] = nothing
    often: int = 1


def instance(wire_name, prepare, often=1, **more):
    return Scene(wire_name, lambda name, node: {"instance_name": name, **more}, prepare, often)


def move(wire_name, prepare, **more):
    return Scene(wire_name, lambda name, node: {"instance_name": name, "target_node": node, **more}, prepare)


def node(prepare=nothing, **changes):
    return Scene("OP_NODE_SET_PARAMS", lambda name, node: {"node_name": node, **changes}, prepare)


def tags(wire_name, prepare, **more):
    return Scene(wire_name, lambda name, node: {"kind": "instance", "name": name, **more}, prepare)


def new(name, node):
    return {"instance_name": name, "pnode": node, **NEW}


def pooled(name, node):
    return {**new(name, node), "nics": [{"network": "net1", "ip": "pool"}, {"network": "net2", "ip": "pool"}]}


def addressed_by_hand(name, node):
    return {**new(name, node), "nics": [{"network": "net1", "ip": "10.1.0.3"}]}


def connection(group):
    return lambda name, node: {
        "network_name": "net1",
        "group_name": group,
        "network_mode": "bridged",
        "network_link": "br1",
    }


def started(name, node):
    """A new instance that is started at once."""
    return {**new(name, node), "no_install": False, "disk_template": "diskless", "disks": []}


def adopting(name, node):
    return {**new(name, node), "disk_template": "plain", "disks": [{"adopt": "old"}]}


def thin(name, node):
    return {**new(name, node), "disk_template": "plain", "disks": [{"size": 64, "thinpool": "thin"}]}


def reserved(name, node):
    return {**new_mirrored(name, node), "forthcoming": True}


def committed(name, node):
    """As it was reserved, wherever that is."""
    return {**NEW, "instance_name": name, "commit": True, "disk_template": None, "disks": []}


def committed_elsewhere(name, node):
    """On another node and with another disk than were reserved."""
    return {**new(name, node), "commit": True, "disks": [{"size": 128}]}


def closing(name, node):
    return {"node_name": node, "storage_type": "lvm-pv", "name": "/dev/sda", "changes": {"allocatable": False}}


def repairing(name, node):
    return {"node_name": node, "storage_type": "lvm-vg", "name": "xenvg"}


def switching(command):
    return lambda name, node: {"command": command, "node_names": [node]}


def joining(name, node):
    return {"node_name": STRANGER.name, "primary_ip": STRANGER.primary_ip}


def exported_to(name, node):
    return {"instance_name": name, "target_node": node}


def of_export(name, node):
    """Of the instance web1, on whichever node it is."""
    given = {"mode": "import", "disks": [], "nics": [], "src_path": "web1", "no_install": None, "start": False}
    return {**new(name, node), "disk_template": "plain", **given}


def of_another_cluster(name, node):
    come = {"source_handshake": DOMAIN.handshake(), "source_x509_ca": ABROAD, "source_instance_name": name}
    return {**new(name, node), "mode": "remote-import", "disk_template": "plain", "no_install": None, **come}


def to_another_cluster(name, node):
    place = DOMAIN.destination(
        0, Destination("192.0.2.1", 1830, "magic"), fingerprint(DOMAIN.ensure_certificate(ABROAD).encode())
    )
    return {
        "instance_name": name,
        "mode": "remote",
        "target_node": [place],
        "x509_key_name": DOMAIN.key_name(f"move-{'0' * 32}"),
        "destination_x509_ca": ABROAD,
        "remove_instance": node == "node2",
    }


def new_mirrored(name, node):
    others = {"node1": "node2", "node2": "node3", "node3": "node1"}
    return {**new(name, node), "disk_template": "drbd", "snode": others[node]}


def called_otherwise(name, node):
    return {"instance_name": name, "new_name": f"{name}-{node}", "name_check": False}


def grown(name, node):
    return {"instance_name": name, "disk": 0, "amount": 8}


def renewed(name, node):
    """With the copies of its disks on another secondary node."""
    return {"instance_name": name, "mode": "replace_new_secondary", "remote_node": node}


async def drained(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", drained=True, force=True)


async def short_of_candidates(cluster):
    """The pool is full, and there is a node that would take another's place in it."""
    await cluster.run("OP_CLUSTER_SET_PARAMS", candidate_pool_size=2)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", master_candidate=False)


SCENES = (
    Scene("OP_BACKUP_EXPORT", exported_to, exportable),
    Scene("OP_BACKUP_EXPORT", exported_to, exportable_and_stopped),
    Scene("OP_BACKUP_EXPORT", exported_to, exportable_and_mirrored),
    Scene("OP_BACKUP_EXPORT", lambda name, node: {**exported_to(name, node), "shutdown": False}, exportable),
    Scene("OP_BACKUP_EXPORT", lambda name, node: {**exported_to(name, node), "long_sleep": True}, without_snapshots),
    Scene("OP_BACKUP_EXPORT", lambda name, node: {**exported_to(name, node), "remove_instance": True}, exportable),
    Scene("OP_BACKUP_EXPORT", to_another_cluster, before_it_moves),
    Scene("OP_BACKUP_EXPORT", lambda name, node: to_another_cluster(name, "node1"), before_it_moves),
    instance("OP_BACKUP_PREPARE", exportable, mode="local"),
    instance("OP_BACKUP_PREPARE", before_it_moves, mode="remote"),
    instance("OP_BACKUP_REMOVE", exported),
    Scene("OP_CLUSTER_ACTIVATE_MASTER_IP", prepare=addressed),
    Scene("OP_CLUSTER_DEACTIVATE_MASTER_IP", prepare=addressed),
    Scene("OP_CLUSTER_DESTROY", prepare=alone),
    Scene("OP_CLUSTER_POST_INIT"),
    Scene("OP_CLUSTER_QUERY"),
    Scene("OP_CLUSTER_REDIST_CONF"),
    Scene("OP_CLUSTER_REPAIR_DISK_SIZES", prepare=outgrown),
    Scene("OP_CLUSTER_RENAME", lambda name, node: {"name": "cluster2"}, about_to_be_renamed),
    Scene("OP_CLUSTER_RENEW_CRYPTO", lambda name, node: {"cluster_certificate": True}),
    Scene(
        "OP_CLUSTER_RENEW_CRYPTO",
        lambda name, node: {"new_spice_certificate": True, "new_cluster_domain_secret": True},
    ),
    Scene("OP_CLUSTER_SET_PARAMS", lambda name, node: {"beparams": {"auto_balance": node == "node1"}}),
    Scene("OP_CLUSTER_VERIFY", prepare=running),
    Scene("OP_CLUSTER_VERIFY_CONFIG", prepare=running),
    Scene("OP_CLUSTER_VERIFY_DISKS", prepare=apart),
    Scene("OP_CLUSTER_VERIFY_GROUP", lambda name, node: {"group_name": "default"}, running),
    Scene("OP_GROUP_ADD", lambda name, node: {"group_name": "rack2"}),
    Scene("OP_GROUP_ASSIGN_NODES", lambda name, node: {"group_name": "rack2", "nodes": [node], "force": True}, grouped),
    Scene("OP_GROUP_EVACUATE", lambda name, node: {"group_name": "default", "sequential": True}, two_groups),
    Scene("OP_GROUP_REMOVE", lambda name, node: {"group_name": "rack2"}, grouped),
    Scene("OP_GROUP_RENAME", lambda name, node: {"group_name": "rack2", "new_name": "rack3"}, grouped),
    Scene("OP_GROUP_SET_PARAMS", lambda name, node: {"group_name": "default", "ndparams": {"spindle_count": 2}}),
    Scene("OP_GROUP_VERIFY_DISKS", lambda name, node: {"group_name": "default"}, apart),
    instance("OP_INSTANCE_ACTIVATE_DISKS", mirrored_and_stopped),
    instance("OP_INSTANCE_ACTIVATE_DISKS", apart, wait_for_sync=True),
    instance("OP_INSTANCE_CHANGE_GROUP", two_groups),
    instance("OP_INSTANCE_CONSOLE", running),
    Scene("OP_INSTANCE_CREATE", new, often=4),
    Scene("OP_INSTANCE_CREATE", started),
    Scene("OP_INSTANCE_CREATE", lambda name, node: {**new(name, node), "pnode": None}),
    Scene("OP_INSTANCE_CREATE", new_mirrored, often=4),
    Scene("OP_INSTANCE_CREATE", adopting, strays),
    Scene("OP_INSTANCE_CREATE", pooled, often=4),
    Scene("OP_INSTANCE_CREATE", addressed_by_hand, often=2),
    Scene("OP_INSTANCE_CREATE", thin, pools),
    Scene("OP_INSTANCE_CREATE", reserved, often=2),
    Scene("OP_INSTANCE_CREATE", committed, forthcoming_and_mirrored),
    Scene("OP_INSTANCE_CREATE", committed_elsewhere, forthcoming),
    Scene("OP_INSTANCE_CREATE", of_another_cluster, with_senders),
    Scene("OP_INSTANCE_CREATE", of_export, exported_and_removed),
    Scene("OP_INSTANCE_CREATE", lambda name, node: of_export("web2", node), exported_and_removed),
    instance("OP_INSTANCE_DEACTIVATE_DISKS", activated),
    instance("OP_INSTANCE_EXEC", with_agent, command=["uptime"]),
    move("OP_INSTANCE_FAILOVER", running),
    move("OP_INSTANCE_FAILOVER", stopped),
    instance("OP_INSTANCE_FAILOVER", mirrored),
    Scene("OP_INSTANCE_GROW_DISK", grown, running),
    Scene("OP_INSTANCE_GROW_DISK", grown, running_image),
    Scene("OP_INSTANCE_GROW_DISK", grown, mirrored, often=3),
    Scene("OP_INSTANCE_GROW_DISK", grown, mirrored_and_stopped),
    move("OP_INSTANCE_MIGRATE", running),
    instance("OP_INSTANCE_MIGRATE", mirrored),
    move("OP_INSTANCE_MIGRATE", stopped, allow_failover=True),
    move("OP_INSTANCE_MOVE", plain),
    move("OP_INSTANCE_MOVE", plain, live=True),
    move("OP_INSTANCE_MOVE", plain_and_stopped),
    move("OP_INSTANCE_MOVE", thin_and_stopped),
    Scene("OP_INSTANCE_MULTI_ALLOC", lambda name, node: {"instances": [new(name, node)]}),
    Scene("OP_INSTANCE_QUERY_DATA", lambda name, node: {"instances": [name]}, running),
    instance("OP_INSTANCE_REBOOT", running, reboot_type="soft"),
    instance("OP_INSTANCE_REBOOT", running, reboot_type="hard"),
    instance("OP_INSTANCE_REBOOT", stopped, reboot_type="full"),
    instance("OP_INSTANCE_RECREATE_DISKS", lost),
    instance("OP_INSTANCE_REINSTALL", installed, os_type="tiny"),
    instance("OP_INSTANCE_REMOVE", running),
    instance("OP_INSTANCE_REMOVE", mirrored),
    instance("OP_INSTANCE_REMOVE", forthcoming),
    Scene("OP_INSTANCE_RENAME", called_otherwise, stopped, often=2),
    Scene("OP_INSTANCE_RENAME", called_otherwise, forthcoming),
    Scene("OP_INSTANCE_RENAME", called_otherwise, installed_in_files),
    Scene("OP_INSTANCE_RENAME", called_otherwise, installed_and_mirrored),
    Scene("OP_INSTANCE_REPLACE_DISKS", renewed, mirrored, often=4),
    Scene("OP_INSTANCE_REPLACE_DISKS", renewed, mirrored_and_stopped),
    instance("OP_INSTANCE_RENEW", outdated),
    instance("OP_INSTANCE_RENEW", running),
    instance("OP_INSTANCE_REPLACE_DISKS", mirrored, often=2, mode="replace_on_secondary"),
    instance("OP_INSTANCE_SET_PARAMS", plain_and_stopped, disk_template="drbd", remote_node="node3"),
    instance("OP_INSTANCE_SET_PARAMS", plain_and_stopped, disk_template="drbd", iallocator="hail"),
    instance("OP_INSTANCE_SET_PARAMS", mirrored_and_stopped, disk_template="plain"),
    instance("OP_INSTANCE_SET_PARAMS", plain_and_stopped, disk_template="sharedfile"),
    instance("OP_INSTANCE_SET_PARAMS", plain, disk_template="sharedfile"),
    instance("OP_INSTANCE_SET_PARAMS", running, beparams={"vcpus": 2}),
    instance("OP_INSTANCE_SET_PARAMS", forthcoming, beparams={"vcpus": 2}, nics=[["add", -1, {}]]),
    instance("OP_INSTANCE_SET_PARAMS", stopped, offline=True),
    instance("OP_INSTANCE_SET_PARAMS", mirrored, 2, disks=[["add", -1, {"size": 4}]]),
    instance("OP_INSTANCE_SET_PARAMS", mirrored_and_stopped, 2, disks=[["add", 0, {"size": 4}], ["remove", 1, {}]]),
    instance("OP_INSTANCE_SET_PARAMS", plain_and_stopped, disks=[["add", 0, {"size": 4}], ["remove", -1, {}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, 3, nics=[["add", {"network": "net1", "ip": "pool"}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, 2, nics=[[-1, {"network": "net2", "ip": "pool"}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, nics=[["remove", {}]]),
    instance("OP_INSTANCE_SET_PARAMS", stopped, disk_format="qcow2"),
    instance("OP_INSTANCE_SET_PARAMS", running, 3, disks=[["add", -1, {"size": 4}], ["remove", 0, {}]]),
    instance("OP_INSTANCE_SET_PARAMS", mirrored, 2, disks=[["add", 0, {"size": 4}], ["remove", -1, {}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, nics=[["remove", {}], ["add", {}], ["add", {"link": "br9"}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, nics=[[0, {"link": "br8"}]], hotplug_if_possible=True),
    instance("OP_INSTANCE_SET_PARAMS", running, nics=[[0, {"link": "br8"}]], hotplug=False),
    instance("OP_INSTANCE_SET_PARAMS", growing, beparams={"vcpus": 3, "memory": 256}, nics=[[0, {"link": "br8"}]]),
    instance("OP_INSTANCE_SET_PARAMS", running, runtime_mem=128),
    instance("OP_INSTANCE_REPLACE_DISKS", mirrored, mode="replace_on_primary"),
    instance("OP_INSTANCE_SHUTDOWN", running),
    instance("OP_INSTANCE_SHUTDOWN", mirrored),
    instance("OP_INSTANCE_STARTUP", stopped, often=4),
    instance("OP_INSTANCE_STARTUP", mirrored_and_stopped),
    Scene("OP_NETWORK_ADD", lambda name, node: {"network_name": "net3", "network": "10.3.0.0/30"}),
    Scene("OP_NETWORK_CONNECT", connection("rack2"), grouped),
    Scene("OP_NETWORK_DISCONNECT", lambda name, node: {"network_name": "net1", "group_name": "default"}),
    Scene("OP_NETWORK_REMOVE", lambda name, node: {"network_name": "net3"}, network_apart),
    Scene("OP_NETWORK_RENAME", lambda name, node: {"network_name": "net3", "new_name": "net4"}, network_apart),
    Scene("OP_NETWORK_SET_PARAMS", lambda name, node: {"network_name": "net1", "gateway": "10.1.0.2"}),
    Scene("OP_NETWORK_SET_PARAMS", lambda name, node: {"network_name": "net1", "add_reserved_ips": ["10.1.0.6"]}),
    Scene("OP_NODE_ADD", joining, stranger),
    Scene("OP_NODE_ADD", joining, wanted_stranger),
    Scene("OP_NODE_EVACUATE", lambda name, node: {"node_name": "node3", "mode": "all", "iallocator": "hail"}, mirrored),
    Scene("OP_NODE_MIGRATE", lambda name, node: {"node_name": "node1"}, mirrored),
    Scene("OP_NODE_MODIFY_STORAGE", closing),
    Scene("OP_NODE_POWERCYCLE", lambda name, node: {"node_name": node, "force": True}),
    Scene("OP_NODE_QUERY_STORAGE", lambda name, node: {"output_fields": ["name"]}),
    Scene("OP_NODE_QUERYVOLS", lambda name, node: {"output_fields": ["name"]}),
    Scene("OP_NODE_REMOVE", lambda name, node: {"node_name": STRANGER.name}, member),
    node(drained=True, force=True),
    node(drained, master_candidate=True),
    node(short_of_candidates, drained=True, auto_promote=True),
    Scene("OP_EXT_STORAGE_DIAGNOSE", lambda name, node: {"output_fields": ["name"]}),
    Scene("OP_OOB_COMMAND", switching("power-on"), switched_off),
    Scene("OP_OOB_COMMAND", switching("power-cycle"), reachable_out_of_band),
    Scene("OP_OOB_COMMAND", switching("power-status"), reachable_out_of_band),
    Scene("OP_OS_DIAGNOSE", lambda name, node: {"output_fields": ["name"]}),
    Scene("OP_CLUSTER_CONFIG_QUERY", lambda name, node: {"output_fields": ["cluster_name"]}),
    Scene("OP_QUERY", lambda name, node: {"what": "instance", "fields": ["name", "status"]}, running),
    Scene("OP_QUERY_FIELDS", lambda name, node: {"what": "instance"}),
    Scene("OP_REPAIR_NODE_STORAGE", repairing, mirrored),
    Scene("OP_RESTRICTED_COMMAND", lambda name, node: {"command": "uptime", "nodes": [node]}),
    tags("OP_TAGS_DEL", tagged, tags=["red"]),
    tags("OP_TAGS_GET", tagged),
    Scene("OP_TAGS_SEARCH", lambda name, node: {"pattern": "."}, tagged),
    tags("OP_TAGS_SET", running, tags=["red"]),
    Scene("OP_TEST_ALLOCATOR", lambda name, node: {"direction": "out", "mode": "relocate", "name": name}, running),
    Scene("OP_TEST_DUMMY", lambda name, node: {"submit_jobs": [[{"OP_ID": "OP_TEST_DUMMY"}]]}),
    Scene("OP_TEST_JQUEUE", lambda name, node: {"notify_exec": True, "log_messages": ["one"]}),
    Scene("OP_TEST_OS_PARAMS", lambda name, node: {"osparams_secret": {"password": "a"}}),
    Scene("OP_TEST_DELAY", lambda name, node: {"duration": 0.5, "on_nodes": [node], "no_locks": False}, often=2),
)
