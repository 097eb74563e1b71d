# SPDX-License-Identifier: BSD-2-Clause
"""The steps of the demonstration: a cluster is created, a guest runs, moves, loses its node and comes back."""

from __future__ import annotations

import base64
import itertools
import json
import re
import secrets
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from ganeti.errors import ExecutionFailed
from ganeti.lab.console import Console, Count
from ganeti.lab.lab import Lab
from ganeti.lab.plan import CLUSTER, DOMAIN, FIRST_GUEST
from ganeti.lab.root import SHARED_STORAGE
from ganeti.lab.vm.lab import VirtualLab

GUEST = f"guest1.{DOMAIN}"
RAPI_PORT = 5080
SHARED = f"/{SHARED_STORAGE}"
RAPI_USER = "demo"
RAPI_USERS = "/var/lib/ganeti/rapi/users"
_DOWNTIME = re.compile(r"downtime\D*([\d.]+)\s*ms")


@dataclass(slots=True)
class Stage:
    """What the steps work on, and what one records for the next to compare with."""

    lab: Lab | VirtualLab
    where: str = "node2"  # the node that the guest runs on
    recorded: int = 0  # the last number whose record the guest has reported as written to disk
    counted: Count = field(default_factory=lambda: Count(0, 0.0))
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))  # of the remote API's user

    def gnt(self, node: str, *words: str, timeout: float = 300) -> str:
        """The output of a command on a node. Raises ExecutionFailed with its last output."""
        done = self.lab.node(node).run(*words, timeout=timeout)
        if done.failed:
            raise ExecutionFailed(done.why())
        return done.output

    def console(self) -> Console:
        return Console(self.lab.node(self.where).socket(f"/run/ganeti/kvm/{GUEST}/serial"))

    @property
    def api(self) -> str:
        return f"https://{self.lab.plan.host(CLUSTER)}:{RAPI_PORT}"


@dataclass(frozen=True, slots=True)
class Step:
    """``prove`` runs it and returns what was seen, briefly; raises an error if it fails."""

    name: str
    prove: Callable[[Stage], str]


def nodes_are_up(stage: Stage) -> str:
    for node, peer in itertools.pairwise((*stage.lab.nodes, stage.lab.nodes[0])):
        told = stage.gnt(node.name, "ssh", peer.name, "hostname").strip()
        expect(told == peer.name, f"'ssh {peer.name}' on {node.name} reached '{told}'")
    return ", ".join(f"{node.name} {node.address}" for node in stage.lab.nodes)


def storage_is_shared(stage: Stage) -> str:
    server, *clients = stage.lab.nodes
    server.write(f"{SHARED}/.seen", server.name)
    for node in clients:
        expect(node.read(f"{SHARED}/.seen") == server.name, f"{node.name} does not see what {server.name} wrote")
    return f"{SHARED} of {server.name} is on {', '.join(node.name for node in clients)}"


def cluster_is_made(stage: Stage) -> str:
    options = ("--enabled-hypervisors=kvm", "--enabled-disk-templates=sharedfile,file,diskless")
    network = ("--master-netdev=br0", "--nic-parameters=link=br0")
    stage.gnt("node1", "gnt-cluster", "init", *options, *network, "cluster")
    master = stage.gnt("node1", "gnt-cluster", "getmaster").strip()
    expect(master == f"node1.{DOMAIN}", f"the master is '{master}'")
    return f"master is {master}"


def node_joins_over_ssh(stage: Stage) -> str:
    stage.gnt("node1", "gnt-node", "add", "node2")
    return _members(stage, 2)


def node_joins_by_token(stage: Stage) -> str:
    token = stage.gnt("node1", "gnt-node", "invite", "node3").split()[-1]
    stage.gnt("node3", "gnt-node", "join", token)
    return _members(stage, 3)


def remote_api_answers(stage: Stage) -> str:
    """It has no users at first; the administrator writes their file."""
    stage.lab.node("node1").write(RAPI_USERS, f"{RAPI_USER} {stage.password} write\n")
    who = base64.b64encode(f"{RAPI_USER}:{stage.password}".encode()).decode()
    request = urllib.request.Request(f"{stage.api}/2/info", headers={"Authorization": f"Basic {who}"})  # noqa: S310 - https
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE  # signed by the cluster's own CA, which this machine does not know
    with urllib.request.urlopen(request, timeout=10, context=anyone) as answer:  # noqa: S310 - https
        return f"cluster {json.load(answer)['name']}"


def guest_is_made(stage: Stage) -> str:
    address = stage.lab.plan.host(FIRST_GUEST)
    disk = ("-t", "sharedfile", "--disk", "0:size=1G")
    shape = ("-B", "memory=128M,vcpus=1", "--net", f"0:ip={address}")
    stage.gnt("node1", "gnt-instance", "add", *disk, *shape, "-o", "tiny+default", "-n", stage.where, GUEST)
    return f"{GUEST} {address} on {stage.where}"


def guest_boots(stage: Stage) -> str:
    with stage.console() as console:
        up = console.up()
        stage.counted = console.count()
    expect((up.name, up.boot) == (GUEST, 1), f"the guest says name={up.name} boot={up.boot}")
    return f"boot={up.boot}, counts {stage.counted.number} after {stage.counted.uptime:.1f} s"


def guest_migrates(stage: Stage) -> str:
    return migrated(stage, "node3")


def migrated(stage: Stage, target: str, boot: int = 1) -> str:
    told = stage.gnt("node1", "gnt-instance", "migrate", "-f", "-n", target, GUEST)
    downtime = _DOWNTIME.search(told)
    expect(downtime is not None, f"no downtime in '{told.strip()}'")
    stage.where = target
    before = stage.counted
    with stage.console() as console:
        stage.counted = console.count()
        found = console.up().boot
    went_on = found == boot and stage.counted.number > before.number
    expect(went_on, f"boot={found}, {before} was followed by {stage.counted}")
    return f"counter went on from {before.number} to {stage.counted.number}; downtime {downtime and downtime[1]} ms"


def node_dies(stage: Stage) -> str:
    stage.lab.node(stage.where).kill()
    return f"{stage.where} lost its power with the guest on it"


def guest_comes_back(stage: Stage) -> str:
    dead, stage.where = stage.where, "node2"
    stage.gnt("node1", "gnt-node", "modify", "--offline=yes", dead)
    stage.gnt("node1", "gnt-instance", "failover", "-f", "--ignore-consistency", "-n", stage.where, GUEST)
    with stage.console() as console:
        up = console.up()
    expect((up.name, up.boot) == (GUEST, 2), f"the guest says name={up.name} boot={up.boot}")
    return f"boot={up.boot} from the same disk, on {stage.where}"


def _members(stage: Stage, expected: int) -> str:
    names = stage.gnt("node1", "gnt-node", "list", "--no-headers", "-o", "name").split()
    expect(len(names) == expected, f"the nodes are {', '.join(names)}")
    return f"{len(names)} nodes"


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise ExecutionFailed(f"Not proven: {otherwise}")


STEPS = (
    Step("three nodes, with own address, name and root", nodes_are_up),
    Step("storage that all of them see", storage_is_shared),
    Step("gnt-cluster init", cluster_is_made),
    Step("gnt-node add, over ssh", node_joins_over_ssh),
    Step("gnt-node join, by token", node_joins_by_token),
    Step("remote API", remote_api_answers),
    Step("gnt-instance add", guest_is_made),
    Step("the guest boots", guest_boots),
    Step("gnt-instance migrate, while it runs", guest_migrates),
    Step("its node dies", node_dies),
    Step("gnt-instance failover", guest_comes_back),
)
