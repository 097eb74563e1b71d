# SPDX-License-Identifier: BSD-2-Clause
"""Clusters made by chance, the same for the same seed, as text of the format of htools(1).

They have all that the format can say: nodes that are offline or did not answer, every disk template, instances
that are down, offline, forthcoming or not to be balanced, tags of every meaning, spindles, exclusive storage,
slow and fast processors, reports that don't add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

TEMPLATES = ("sharedfile", "plain", "file", "ext", "rbd", "diskless", "blockdev", "gluster")
STATUSES = (
    *("ADMIN_down", "ADMIN_offline", "ERROR_down", "ERROR_up", "ERROR_nodedown", "ERROR_nodeoffline"),
    *("ERROR_wrongnode", "USER_down"),
)
CLUSTER_TAGS = (
    *("htools:iextags:s", "htools:iextags:q", "htools:nlocation:r", "htools:nlocation:p", "htools:desiredlocation:r"),
    *("htools:desiredlocation:p", "htools:migration:m", "htools:allowmigration:m:1::m:2", "other"),
)
_ALL_TEMPLATES = "drbd,plain,diskless,file,sharedfile,ext,rbd,blockdev,gluster"
_SPECS = "128,1,1024,1,1,1|0,0,0,0,0,0;327680,160,104857600,16,8,12"


class _Making:
    def __init__(self, seed: int, groups: int) -> None:
        self.random = Random(seed)
        self.groups = groups
        self.count = self.random.randint(1, 7)
        self.rich = self.random.random() < 0.7
        self.tagged = self.random.random() < 0.5
        self.exclusive = self.random.random() < 0.2

    def text(self) -> str:
        instances = [self.instance(number) for number in range(self.random.randint(0, 20))]
        nodes = [self.node(number, instances) for number in range(self.count)]
        groups = [f"g{number}|u-{number}|preferred||" for number in range(self.groups)]
        tags = self.random.sample(CLUSTER_TAGS, self.random.randint(0, 8)) if self.tagged else []
        policies = [_policy("", 4.0, 32.0)] + [self.policy(number) for number in range(self.groups)]
        sections = (
            groups,
            (_line(node) for node in nodes),
            (_line(instance) for instance in instances),
            tags,
            policies,
        )
        return "\n".join("".join(f"{line}\n" for line in section) for section in sections)

    def tags(self, *names: str) -> str:
        return ",".join(self.random.sample(names, self.random.randint(0, 3))) if self.tagged else ""

    def node(self, number: int, instances: list[list[Any]]) -> list[Any]:
        pick = self.random.choice
        name, memory, own = f"n{number}", pick([8192, 16384, 20000]), pick([0, 512, 1024])
        disk = pick([100000, 400000])
        running = sum(i[1] for i in instances if i[6] == name and i[12] == "N" and i[4] in ("running", "ERROR_up"))
        stored = sum(i[2] for i in instances if name in (i[6], i[7]))
        sizes: list[Any] = [
            memory,
            own,
            max(0, memory - own - running - pick([0, 0, 100, -50])),
            disk,
            max(0, disk - stored),
        ]
        sizes.append(pick([4, 8, 16]))
        if self.rich and self.random.random() < 0.03:
            sizes[self.random.randrange(6)] = "?"
        role = pick("NNNNNNY") if self.rich else "N"
        tags = self.tags("r:1", "r:2", "p:x", "p:y", "zz", "m:1", "m:2")
        group = f"u-{self.random.randrange(self.groups)}"
        rest = [role, group, pick([1, 2, 8]), tags, "Y" if self.exclusive else "N", self.random.randint(0, 8)]
        return [name, *sizes, *rest, pick([0, 1, 2]), pick([1.0, 1.0, 0.5, 2.0])]

    def instance(self, number: int) -> list[Any]:
        pick = self.random.choice
        template = pick(["drbd"] * 8 + list(TEMPLATES)) if self.rich and not self.exclusive else "drbd"
        if self.count < 2 and template == "drbd":
            template = "plain"
        primary, offset = self.random.randrange(self.count), self.random.randint(1, max(self.count - 1, 1))
        secondary = f"n{(primary + offset) % self.count}" if template == "drbd" else ""
        status = pick(["running"] * 8 + list(STATUSES)) if self.rich else "running"
        forthcoming = pick("NNNNNY") if self.rich else "N"
        sizes = [pick([128, 512, 1024, 2048]), pick([1024, 5000, 20000]), pick([1, 2, 4])]
        places = [f"n{primary}", secondary, template, self.tags("s:a", "s:b", "q:a", "r:1", "r:2", "p:x")]
        spindles = pick([1, 2, 3]) if self.exclusive else pick(["-", 1, 2, 3])
        return [f"i{number}", *sizes, status, pick("YYYYN"), *places, pick([0, 1, 1, 2, 5]), spindles, forthcoming]

    def policy(self, number: int) -> str:
        return _policy(f"g{number}", self.random.choice([2.0, 4.0, 16.0]), self.random.choice([4.0, 32.0]))


def _policy(owner: str, vcpus: float, spindles: float) -> str:
    return f"{owner}|{_SPECS}|{_ALL_TEMPLATES}|{vcpus}|{spindles}"


def _line(values: list[Any]) -> str:
    return "|".join(str(value) for value in values)


def cluster_text(seed: int, groups: int = 1) -> str:
    return _Making(seed, groups).text()


def unbalanced_text(nodes: int, instances: int, seed: int = 1) -> str:
    """Equal nodes, mirrored instances that run, most of them on the first third of the nodes."""
    random = Random(seed)
    hot = max(2, nodes // 3)
    lines, memory, disk = [], [0] * nodes, [0] * nodes
    for number in range(instances):
        size, room, vcpus = random.choice([(1024, 20480, 1), (2048, 40960, 2), (512, 10240, 1)])
        primary = random.randrange(hot) if random.random() < 0.55 else random.randrange(nodes)
        secondary = (primary + random.randint(1, nodes - 1)) % nodes
        memory[primary] += size
        disk[primary], disk[secondary] = disk[primary] + room, disk[secondary] + room
        places = f"running|Y|node{primary}|node{secondary}|drbd"
        lines.append(f"inst{number}|{size}|{room}|{vcpus}|{places}||1|-|N")
    total, space = 4 * max(memory), 2 * max(disk)
    rows = [
        f"node{n}|{total}|1024|{total - 1024 - memory[n]}|{space}|{space - disk[n]}|64|N|u|1||N|0|0|1.0"
        for n in range(nodes)
    ]
    policies = [_policy("", 64.0, 128.0), _policy("default", 64.0, 128.0)]
    sections: tuple[Iterable[str], ...] = (["default|u|preferred||"], rows, lines, [], policies)
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections)
