# SPDX-License-Identifier: BSD-2-Clause
"""The plan of a lab, made before anything is started: names, addresses, directories."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from ganeti.errors import InsufficientResources, UnknownEntity, WrongInput

DOMAIN = "lab.test"  # RFC 6761 reserves .test for such uses
RUNNING = Path("/run/ganeti-lab")
STORED = Path("/var/lib/ganeti-lab")
TURN = Path("/run/lock/ganeti-lab-machines")  # held by the one lab of virtual machines that is up

# Host numbers within the lab's network of 256 addresses.
FIRST_NODE = 1
CLUSTER = 100
FIRST_GUEST = 101
LAST_GUEST = 199
OTHER_CLUSTER = 200  # for those that try what two do together
MACHINE = 254

_NETWORKS = IPv4Network("10.77.0.0/16")
_NAME = re.compile(r"[a-z0-9]{1,10}")  # part of the name of a network interface: at most 15 characters


@dataclass(frozen=True, slots=True)
class LabPlan:
    """``reachable``: whether the machine itself gets an address in the lab's network.

    ``visible``: directories that every node sees as they are on the machine.
    ``provider``: a directory that nodes have as an OS provider.
    ``suite``: the release of Debian on nodes that are virtual machines; others run the machine's own.
    """

    name: str
    nodes: tuple[str, ...]
    network: IPv4Network
    reachable: bool = False
    visible: tuple[Path, ...] = ()
    provider: Path | None = None
    suite: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise WrongInput(f"'{self.name}' is no name for a lab: up to 10 lower-case letters and digits")

    @property
    def running(self) -> Path:
        """Files of the running lab: locks, logs, keys, and the mount points of the nodes' own layers."""
        return RUNNING / self.name

    @property
    def stored(self) -> Path:
        """Guests' disks: on a real file system, because tmpfs may lack what QEMU needs (O_DIRECT)."""
        return STORED / self.name

    @property
    def shared(self) -> Path:
        return self.stored / "shared"

    @property
    def layers(self) -> Path:
        return self.running / "layers"

    @property
    def keys(self) -> Path:
        return self.running / "keys"

    @property
    def cable(self) -> str:
        """The machine's network interface to the lab."""
        return f"lab-{self.name}"

    def lock(self, who: str) -> Path:
        """Held by the first process of the fabric or of a node."""
        return self.running / f"{who}.lock"

    def log(self, who: str) -> Path:
        return self.running / f"{who}.log"

    def number(self, node: str) -> int:
        """The host number of the node within each of its networks."""
        return FIRST_NODE + self.nodes.index(node)

    def member(self, name: str) -> str:
        """A node's own name, whether or not ``name`` has the domain. Raises UnknownEntity."""
        short = name.removesuffix(f".{DOMAIN}")
        if short not in self.nodes:
            raise UnknownEntity(f"The lab has no node '{name}'; it has {', '.join(self.nodes)}")
        return short

    def address(self, node: str) -> IPv4Address:
        return self.host(self.number(node))

    def host(self, number: int) -> IPv4Address:
        return self.network.network_address + number

    def with_prefix(self, address: IPv4Address) -> str:
        return f"{address}/{self.network.prefixlen}"

    def mac(self, node: str) -> str:
        """The MAC address of a node's bridge, locally administered: otherwise it changes as guests join and leave."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in self.address(node).packed)

    def hosts(self) -> str:
        """/etc/hosts of every node: the nodes, the cluster, and names for future guests."""
        names = {self.address(node): node for node in self.nodes} | {self.host(CLUSTER): "cluster"}
        names[self.host(OTHER_CLUSTER)] = "cluster2"
        for number in range(FIRST_GUEST, LAST_GUEST + 1):
            names[self.host(number)] = f"guest{number - FIRST_GUEST + 1}"
        lines = [f"{address} {name}.{DOMAIN} {name}" for address, name in names.items()]
        return "\n".join(["127.0.0.1 localhost", *lines, ""])

    def encode(self) -> str:
        return json.dumps(
            {
                "name": self.name,
                "nodes": self.nodes,
                "network": str(self.network),
                "reachable": self.reachable,
                "visible": [str(path) for path in self.visible],
                "provider": str(self.provider) if self.provider else None,
                "suite": self.suite,
            }
        )


def decode(text: str) -> LabPlan:
    """Decode what ``Plan.encode`` wrote."""
    told = json.loads(text)
    return LabPlan(
        name=told["name"],
        nodes=tuple(told["nodes"]),
        network=IPv4Network(told["network"]),
        reachable=told["reachable"],
        visible=tuple(map(Path, told["visible"])),
        provider=Path(told["provider"]) if told["provider"] else None,
        suite=told["suite"],
    )


def node_names(count: int) -> tuple[str, ...]:
    if not 1 <= count < CLUSTER - FIRST_NODE:
        raise WrongInput(f"A lab has 1 to {CLUSTER - FIRST_NODE - 1} nodes, not {count}")
    return tuple(f"node{number}" for number in range(1, count + 1))


def free_network(taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first network for a lab that overlaps none of ``taken``. Raises InsufficientResources."""
    used = [network for network in taken if network.prefixlen > 0]
    for candidate in _NETWORKS.subnets(new_prefix=24):
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise InsufficientResources(f"Every network in {_NETWORKS} is in use on this machine")
