# SPDX-License-Identifier: BSD-2-Clause
"""A badly balanced cluster of mirrored instances, always the same for the same size.

The first third of the nodes holds most primaries, secondaries are anywhere; nodes are equal, N+1 holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

_UUID = "11111111-2222-3333-4444-555555555555"
# memory (MiB), disk (MiB), vcpus; and how common each is
_SIZES = [(1024, 20480, 1), (2048, 40960, 2), (4096, 81920, 2), (8192, 163840, 4), (512, 10240, 1)]
_COMMON = [30, 30, 20, 10, 10]
_NODE_MEMORY = 1024
_CPUS = 64
_META = 512  # MiB left for each mirror's own data


@dataclass(slots=True)
class Load:
    """What one node has been given; ``reserved`` by the peer whose death it is kept for."""

    memory: int = 0
    disk: int = 0
    reserved: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    name: str
    memory: int
    disk: int
    vcpus: int
    primary: int
    secondary: int


class Unbalanced:
    def __init__(self, nodes: int, instances: int, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - the same numbers for everybody
        mean = instances / nodes
        self.memory = int(mean * 2600 * 2.2 / 1024 + 16) * 1024
        self.disk = int(mean * 52000 * 2 * 1.8 / 1024 + 64) * 1024
        self.nodes = [Load() for _ in range(nodes)]
        self.instances = [self._place(number) for number in range(instances)]

    def _place(self, number: int) -> Placed:
        memory, disk, vcpus = self._random.choices(_SIZES, _COMMON)[0]
        while True:
            primary, secondary = self._pick()
            if primary != secondary and self._fits(memory, disk, primary, secondary):
                break
        on, mirror = self.nodes[primary], self.nodes[secondary]
        on.memory += memory
        on.disk += disk
        mirror.disk += disk
        mirror.reserved[primary] = mirror.reserved.get(primary, 0) + memory
        return Placed(f"inst{number:05d}", memory, disk, vcpus, primary, secondary)

    def _pick(self) -> tuple[int, int]:
        count = len(self.nodes)
        hot = max(2, count // 3)
        primary = self._random.randrange(hot) if self._random.random() < 0.55 else self._random.randrange(count)
        return primary, self._random.randrange(count)

    def _fits(self, memory: int, disk: int, primary: int, secondary: int) -> bool:
        room, space = self.memory - _NODE_MEMORY, self.disk * 0.9
        on, mirror = self.nodes[primary], self.nodes[secondary]
        if on.memory + memory > room * 0.82 or max(on.disk, mirror.disk) + disk + _META > space:
            return False
        kept = max([*mirror.reserved.values(), mirror.reserved.get(primary, 0) + memory])
        if mirror.memory + kept > room * 0.98:
            return False
        return on.memory + memory + max(on.reserved.values(), default=0) <= room * 0.98

    def text(self) -> str:
        """In the text format of htools(1)."""
        lines = [f"default|{_UUID}|preferred||", ""]
        for number, node in enumerate(self.nodes):
            free = self.memory - _NODE_MEMORY - node.memory
            disk = f"{self.disk}|{self.disk - node.disk}"
            lines.append(f"node{number:04d}|{self.memory}|{_NODE_MEMORY}|{free}|{disk}|{_CPUS}|N|{_UUID}|1||N|0|0|1.0")
        lines.append("")
        for i in self.instances:
            places = f"node{i.primary:04d}|node{i.secondary:04d}"
            lines.append(f"{i.name}|{i.memory}|{i.disk}|{i.vcpus}|running|Y|{places}|drbd||1|-|N")
        policy = "128,1,1024,1,1,1|128,1,1024,1,1,1;32768,16,1048576,16,8,12|drbd,plain,diskless,file,sharedfile"
        lines += ["", "", f"|{policy}|64.0|128.0", f"default|{policy}|64.0|128.0"]
        return "\n".join(lines) + "\n"

    def request(self) -> str:
        """An iallocator message about the same cluster, that asks for nodes for one more instance."""
        request = _instance(1024, 20480, 1) | {"type": "allocate", "name": "new", "required_nodes": 2}
        message = {
            "version": 2,
            "cluster_name": "bench",
            "cluster_tags": [],
            "enabled_hypervisors": ["xen-pvm"],
            "ipolicy": _policy(),
            "nodegroups": {
                _UUID: {
                    "name": "default",
                    "ipolicy": _policy(),
                    "networks": [],
                    "alloc_policy": "preferred",
                    "tags": [],
                }
            },
            "nodes": {f"node{number:04d}": self._node(node) for number, node in enumerate(self.nodes)},
            "instances": {i.name: _placed(i) for i in self.instances},
            "request": request,
        }
        return json.dumps(message)

    def _node(self, node: Load) -> dict[str, Any]:
        return {
            "total_memory": self.memory,
            "reserved_memory": _NODE_MEMORY,
            "free_memory": self.memory - _NODE_MEMORY - node.memory,
            "total_disk": self.disk,
            "free_disk": self.disk - node.disk,
            "total_cpus": _CPUS,
            "reserved_cpus": 0,
            "total_spindles": 0,
            "free_spindles": 0,
            "i_pri_memory": node.memory,
            "i_pri_up_memory": node.memory,
            "group": _UUID,
            "tags": [],
            "ndparams": {"spindle_count": 1, "exclusive_storage": False, "oob_program": None},
            "primary_ip": "192.0.2.1",
            "secondary_ip": "192.0.2.1",
            "master_candidate": True,
            "master_capable": True,
            "vm_capable": True,
            "offline": False,
            "drained": False,
        }


def _placed(placed: Placed) -> dict[str, Any]:
    nodes = [f"node{placed.primary:04d}", f"node{placed.secondary:04d}"]
    return _instance(placed.memory, placed.disk, placed.vcpus) | {"nodes": nodes, "admin_state": "up"}


def _instance(memory: int, disk: int, vcpus: int) -> dict[str, Any]:
    return {
        "memory": memory,
        "vcpus": vcpus,
        "disks": [{"mode": "w", "size": disk}],
        "disk_space_total": disk + 128,
        "disk_template": "drbd",
        "spindle_use": 1,
        "hypervisor": "xen-pvm",
        "os": "none",
        "tags": [],
        "nics": [],
    }


def _policy() -> dict[str, Any]:
    names = ("memory-size", "cpu-count", "disk-size", "disk-count", "nic-count", "spindle-use")
    low, high = (
        dict(zip(names, sizes, strict=True)) for sizes in ((128, 1, 1024, 1, 0, 1), (32768, 16, 1048576, 16, 8, 12))
    )
    templates = ["drbd", "plain", "diskless", "file", "sharedfile"]
    ratios = {"vcpu-ratio": 64.0, "spindle-ratio": 128.0}
    return {"std": low, "minmax": [{"min": low, "max": high}], "disk-templates": templates, **ratios}
