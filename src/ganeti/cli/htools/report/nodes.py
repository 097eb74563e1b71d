# SPDX-License-Identifier: BSD-2-Clause
"""The table of nodes (htools(1), ``-p``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from ganeti.cli.htools.names import Names
from ganeti.cli.htools.report.hosted import Hosted
from ganeti.cli.htools.report.table import layout
from ganeti.errors import WrongInput
from ganeti.placement.demand import Floats, Resource
from ganeti.placement.figures import decimals
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import Node

_GIB = 1024


class _Nodes:
    """The data for the columns."""

    def __init__(self, hosted: Hosted, occupancy: Occupancy, names: Names) -> None:
        self.nodes = hosted.snapshot.nodes
        self.snapshot = hosted.snapshot
        self.hosted = hosted
        self.occupancy = occupancy
        self.names = names
        self.free = occupancy.free_memory()
        self.reserved = occupancy.reserved()
        self.failing = occupancy.fails_n1()
        self.free_disk = occupancy.free_disk()
        self.free_spindles = occupancy.free_spindles()

    def number(self, node: int) -> int | None:
        """Its index in the whole cluster; the snapshot may be a single group."""
        return self.names.node(self.nodes[node].name)

    def used(self, row: Resource, index: int) -> float:
        return float(self.occupancy.used[row, index])


def _flag(data: _Nodes, index: int) -> str:
    if data.nodes[index].offline:
        return "-"
    return "*" if data.failing[index] else " "


def _free_disk_share(data: _Nodes, index: int) -> float:
    node = data.nodes[index]
    if node.exclusive_storage:
        return _ratio(float(data.free_spindles[index]), node.spindles) if node.spindles else 1.0
    return _ratio(float(data.free_disk[index]), node.total_disk) if node.total_disk else 1.0


def _unexplained(data: _Nodes, index: int) -> int:
    equipment = data.occupancy.equipment
    node = data.nodes[index]
    return int(node.total_memory - node.node_memory - equipment.memory_all[index])


def _shared_spindles(data: _Nodes, index: int) -> str:
    return str(0.0 if data.nodes[index].exclusive_storage else data.used(Resource.SPINDLE_USE, index))


def _vcpus(data: _Nodes, index: int) -> float:
    return data.used(Resource.VCPUS, index) + data.nodes[index].node_cpus


def _instances(lists: Callable[[Hosted], list[list[int]]]) -> Callable[[_Nodes, int], str]:
    return lambda data, index: _listed(
        str(data.names.instance(data.snapshot.instances[instance].name)) for instance in lists(data.hosted)[index]
    )


def _tags(data: _Nodes, index: int) -> str:
    """How many of its instances have each exclusion tag."""
    on_node = data.occupancy.neighbours.on_node
    return ",".join(f"{tag}={int(on_node[tag][index])}" for tag in sorted(on_node) if on_node[tag][index])


def _peers(data: _Nodes, index: int) -> str:
    return _listed(f"({data.number(node)},{memory})" for node, memory in data.hosted.peers[index])


def _listed(words: Iterable[str]) -> str:
    return f"[{','.join(words)}]"


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return math.nan if not part else math.copysign(math.inf, part)


def _of_node(value: Callable[[Node], float]) -> Callable[[_Nodes, int], str]:
    return lambda data, index: str(int(value(data.nodes[index])))


def _load(row: Resource) -> Callable[[_Nodes, int], str]:
    return lambda data, index: decimals(data.used(row, index), 3)


def _whole(column: Callable[[_Nodes], Floats], unit: int = 1) -> Callable[[_Nodes, int], str]:
    return lambda data, index: str(int(column(data)[index] // unit))


_Column = tuple[str, bool, Callable[[_Nodes, int], str]]

# By the name for -p: the title, whether it is right-aligned, and the cell.
_COLUMNS: dict[str, _Column] = {
    "status": ("F", False, _flag),
    "name": ("Name", False, lambda data, index: data.names.short(data.nodes[index].name)),
    "tmem": ("t_mem", True, _of_node(lambda node: node.total_memory)),
    "nmem": ("n_mem", True, _of_node(lambda node: node.node_memory)),
    "imem": ("i_mem", True, lambda data, index: str(int(data.used(Resource.MEMORY, index)))),
    "xmem": ("x_mem", True, lambda data, index: str(_unexplained(data, index))),
    "fmem": ("f_mem", True, _of_node(lambda node: node.free_memory)),
    "umem": ("u_mem", True, _whole(lambda data: data.free)),
    "rmem": ("r_mem", True, _whole(lambda data: data.reserved)),
    "amem": ("a_mem", True, _whole(lambda data: np.maximum(data.free - data.reserved, 0))),
    "tdsk": ("t_dsk", True, _of_node(lambda node: round(node.total_disk / _GIB))),
    "fdsk": ("f_dsk", True, _whole(lambda data: data.free_disk, _GIB)),
    "tcpu": ("pcpu", True, _of_node(lambda node: node.cpus)),
    "ucpu": ("vcpu", True, lambda data, index: str(int(_vcpus(data, index)))),
    "pcnt": ("pcnt", True, _whole(lambda data: data.occupancy.primaries)),
    "scnt": ("scnt", True, _whole(lambda data: data.occupancy.secondaries)),
    "plist": ("primaries", True, _instances(lambda hosted: hosted.primaries)),
    "slist": ("secondaries", True, _instances(lambda hosted: hosted.secondaries)),
    "pfmem": (
        "p_fmem",
        True,
        lambda data, index: decimals(_ratio(float(data.free[index]), data.nodes[index].total_memory), 4),
    ),
    "pfdsk": ("p_fdsk", True, lambda data, index: decimals(_free_disk_share(data, index), 4)),
    "rcpu": ("r_cpu", True, lambda data, index: decimals(_ratio(_vcpus(data, index), data.nodes[index].cpus), 2)),
    "cload": ("lCpu", True, _load(Resource.CPU_LOAD)),
    "mload": ("lMem", True, _load(Resource.MEMORY_LOAD)),
    "dload": ("lDsk", True, _load(Resource.DISK_LOAD)),
    "nload": ("lNet", True, _load(Resource.NETWORK_LOAD)),
    "ptags": ("PrimaryTags", False, _tags),
    "peermap": ("PeerMap", False, _peers),
    "idx": ("Index", True, lambda data, index: str(data.number(index))),
    "spindle_count": ("NodeSpindles", True, _of_node(lambda node: node.spindles)),
    "hi_spindles": (
        "MaxSpindles",
        True,
        lambda data, index: str(data.nodes[index].spindles * data.snapshot.group_of(index).policy.spindle_ratio),
    ),
    "inst_spindles": ("InstSpindles", True, _shared_spindles),
}
_DEFAULT = (
    *("status", "name", "tmem", "nmem", "imem", "xmem", "fmem", "umem", "rmem", "tdsk", "fdsk", "tcpu", "ucpu", "pcnt"),
    *("scnt", "pfmem", "pfdsk", "rcpu", "cload", "mload", "dload", "nload"),
)


def node_table(hosted: Hosted, occupancy: Occupancy, names: Names, fields: str) -> list[str]:
    """``fields`` as given to -p: empty for the default ones, with a leading plus for additional ones."""
    wanted = fields.removeprefix("+").split(",") if fields else []
    chosen = [*(_DEFAULT if not fields or fields.startswith("+") else ()), *wanted]
    for name in chosen:
        if name not in _COLUMNS:
            raise WrongInput(f"Error: -p: there is no field '{name}'; the fields are {', '.join(_COLUMNS)}")
    columns = [_COLUMNS[name] for name in chosen]
    data = _Nodes(hosted, occupancy, names)
    rows = [[title for title, _, _ in columns]]
    rows += [[cell(data, index) for _, _, cell in columns] for index in range(len(data.nodes))]
    return layout(rows, [right for _, right, _ in columns], " ")
