# SPDX-License-Identifier: BSD-2-Clause
"""Our harep against Ganeti's own, both asking our master daemon, whose nodes are of paper."""

import contextlib
import io
import re

import pytest

from ganeti.cli.htools import harep
from ganeti.host.paths import Paths
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from tests.unit.cli.conftest import background, served  # noqa: F401 - fixtures

_AUTOREPAIR = "ganeti:watcher:autorepair:"
_DRBD, _PLAIN = DiskTemplate.DRBD, DiskTemplate.PLAIN
# Name, disks, nodes, tags of the instance; node3 is offline.
INSTANCES = [
    ("well", _DRBD, ("node1", "node2"), ["failover"]),
    ("mirror", _DRBD, ("node2", "node3"), []),
    ("primary", _DRBD, ("node3", "node2"), []),
    ("allowed", _DRBD, ("node3", "node1"), ["failover"]),
    ("less", _DRBD, ("node3", "node1"), ["fix-storage", "failover"]),
    ("suspended", _DRBD, ("node3", "node2"), ["suspend"]),
    ("over", _DRBD, ("node3", "node2"), ["suspend:1000", "failover"]),
    ("plain", _PLAIN, ("node3",), []),
    ("lost", _PLAIN, ("node3",), ["reinstall"]),
    ("failed", _PLAIN, ("node3",), ["reinstall", "result:reinstall:abc:100:failure:3"]),
    ("ended", _DRBD, ("node2", "node1"), ["pending:failover:abc:100:"]),
]
_THEIRS = {
    r'Moving (\S+) from "Pending repair" to "Healthy"': "ended",
    r"Not performing a repair of type \S+ on (\S+) because": "denied",
    r"Not repairing (\S+) because it's in state ArNotEnabled": "not enabled",
    r"Not repairing (\S+) because it's in state ArSuspended": "suspended",
    r"Executing Ar(?:FixStorage|Failover|Reinstall) repair on (\S+)": "repaired",
}
_OURS = {
    r"(\S+): .*; its repair is over; would be tagged as success": "ended",
    r"(\S+): .*; is not allowed: tags allow \S+ at most; would be tagged as enoperm": "denied",
    r"(\S+): .*; is not allowed: no tag allows any repair": "not enabled",
    r"(\S+): .*; is suspended by a tag": "suspended",
    r"(\S+): .*; would be done": "repaired",
}


@pytest.fixture(params=[(), ("fix-storage",), ("failover",), ("reinstall",), ("suspend",), ("suspend", "reinstall")])
def socket(request, served, background):  # noqa: F811 - fixtures
    """Of a master daemon that has the instances; the cluster has the tags."""
    cluster, root = served
    state = cluster.state
    nodes = {node.name: node.uuid for node in state.nodes}
    changed = [evolve(state.cluster, tags=_tags(request.param)), evolve(state.find(Node, "node3"), offline=True)]
    known = {instance.name: instance for instance in state.instances}
    for name, template, hosts, tags in INSTANCES:
        uuids = tuple(nodes[host] for host in hosts)
        like = known.get(name) or evolve(known["db1"], uuid=f"uuid-{name}", name=name, serial_no=0)
        disk = Disk(uuid=f"disk-{name}", template=template, size=100, location=name, nodes=uuids)
        places = {"primary_node": uuids[0], "disks": (disk,), "disk_template": template, "tags": _tags(tags)}
        changed.append(evolve(like, network_port=None, nics=(), **places))
    background.do(cluster.master.configuration.commit(changed))
    return Paths(root).master_socket


def _tags(words):
    return frozenset(f"{_AUTOREPAIR}{word}" for word in words)


def acts(patterns, text):
    """By instance what is done with it."""
    return {name: what for pattern, what in patterns.items() for name in re.findall(f"^{pattern}", text, re.MULTILINE)}


def test_the_same_is_done_with_the_same_instances(oracle, socket):
    theirs = oracle.run("harep", f"-L{socket}", "--dry-run", timeout=60)
    assert theirs.returncode == 0, theirs.stderr
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        harep.main([f"-L{socket}", "--dry-run"])
    assert acts(_OURS, said.getvalue()) == acts(_THEIRS, theirs.stdout)
    assert len(acts(_THEIRS, theirs.stdout)) >= len(INSTANCES) - 3
