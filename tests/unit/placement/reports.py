# SPDX-License-Identifier: BSD-2-Clause
"""What monitoring daemons say of a cluster, made by chance, the same for the same seed."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from ganeti.placement.snapshot import Snapshot

OF_NODES, OF_XEN_GUESTS = "cpu-avg-load", "xen-cpu-avg-load"
Reports = list[dict[str, Any]]


def report(name: str, data: Any) -> dict[str, Any]:
    """As a daemon of Ganeti 3.0.2 gives it."""
    fixed = {"version": "B", "format_version": 1, "timestamp": 1795266353203183000, "category": None, "kind": 0}
    return {"name": name, **fixed, "data": data}


def load_of_node(*busy: float) -> dict[str, Any]:
    """How busy each processor is, from 0 to 1."""
    return report(OF_NODES, {"cpu_number": len(busy), "cpus": list(busy), "cpu_total": sum(busy)})


def load_of_guests(**loads: float) -> dict[str, Any]:
    return report(OF_XEN_GUESTS, loads)


def by_chance(seed: int, snapshot: Snapshot) -> Reports:
    """Mostly complete; some nodes have other collectors too, or a report that has nothing to say."""
    random = Random(seed)
    missing = random.randrange(len(snapshot.nodes)) if random.random() < 0.15 else None
    return [_of_node(random, snapshot, index) for index in range(len(snapshot.nodes)) if index != missing]


def _of_node(random: Random, snapshot: Snapshot, index: int) -> dict[str, Any]:
    busy = [round(random.random() * random.choice([0.1, 0.5, 1]), 9) for _ in range(random.choice([1, 4, 8]))]
    guests = {i.name: round(random.random() * i.vcpus, 9) for i in snapshot.instances if i.primary == index}
    if random.random() < 0.2:
        guests["Domain-0"] = 0.25
    if guests and random.random() < 0.02:
        guests.popitem()
    reports = [load_of_node(*busy), load_of_guests(**guests)]
    if random.random() < 0.3:
        reports.append(report("diskstats", [{"name": "sda", "readsNum": 7}]) | {"category": "storage"})
    if random.random() < 0.02:
        reports[0]["data"] = {"error": "Time covered by data is not sufficient"}
    random.shuffle(reports)
    return {"node": snapshot.nodes[index].name, "reports": reports}


# A cluster of three nodes with something of everything, and what its daemons say when all is well.
CLUSTER = """g0|u-0|preferred||

n0.x.org|16384|512|13824|400000|385000|8|N|u-0|1||N|0|1|1.0
n1.x.org|16384|512|15872|400000|390000|8|N|u-0|1||N|0|1|1.0
n2.x.org|16384|512|14848|400000|385000|4|N|u-0|1||N|0|2|2.0

i0.x.org|1024|5000|2|running|Y|n0.x.org|n1.x.org|drbd||1|-|N
i1.x.org|1024|5000|1|running|Y|n0.x.org|n2.x.org|drbd||1|-|N
i2.x.org|1024|5000|4|ADMIN_down|Y|n1.x.org|n2.x.org|drbd||1|-|N
i3.x.org|1024|5000|1|running|Y|n2.x.org|n0.x.org|drbd||1|-|N


|128,1,1024,1,1,1|0,0,0,0,0,0;327680,160,104857600,16,8,12|drbd,plain|32.0|32.0
g0|128,1,1024,1,1,1|0,0,0,0,0,0;327680,160,104857600,16,8,12|drbd,plain|32.0|32.0
"""
_BUSY = (8.0, 4.0, 2.0)
_GUESTS = ({"i0.x.org": 3.0, "i1.x.org": 0.5}, {"i2.x.org": 1.25}, {"i3.x.org": 0.25})


def right() -> Reports:
    return [
        {"node": f"n{number}.x.org", "reports": [load_of_node(_BUSY[number]), load_of_guests(**_GUESTS[number])]}
        for number in range(3)
    ]


def _changed(node: int, collector: int, **changes: Any) -> str:
    reports = right()
    reports[node]["reports"][collector] |= changes
    return json.dumps(reports)


def _without(key: str) -> str:
    reports = right()
    del reports[1]["reports"][0][key]
    return json.dumps(reports)


def _of_data(**changes: Any) -> str:
    return _changed(1, 0, data=right()[1]["reports"][0]["data"] | changes)


_ALSO = {"node": "n0.x.org", "reports": [load_of_node(6.0), load_of_guests(**{"i0.x.org": 1, "i1.x.org": 1})]}
_TEXT = json.dumps(right())

# By what is special about it: the text of a file for --mond-data.
FILES: dict[str, str] = {
    "right": _TEXT,
    "ends with empty lines": _TEXT + "\n\n",
    "no node": "[]",
    "a node is missing": json.dumps(right()[:2]),
    "an unknown node": json.dumps([*right(), {"node": "n9.x.org", "reports": [load_of_node(3.0)]}]),
    "short names": _TEXT.replace(".x.org", ""),
    "a node twice": json.dumps([*right(), _ALSO]),
    "a node twice, the other way": json.dumps([_ALSO, *right()]),
    "a node again without reports": json.dumps([*right(), {"node": "n1.x.org", "reports": []}]),
    "a collector twice": json.dumps([right()[0] | {"reports": right()[0]["reports"] + _ALSO["reports"]}, *right()[1:]]),
    "the first one broken": _TEXT.replace('"reports": [', '"reports": [' + json.dumps(report(OF_NODES, 3)) + ", ", 1),
    "another collector": _changed(1, 0, name="cpu-load"),
    "a node more to say": _TEXT.replace('{"node"', '{"more": 1, "node"'),
    "a report more to say": _changed(1, 0, more=1),
    "data more to say": _of_data(more=1),
    "nothing measured yet": _changed(1, 0, data={"error": "Time covered by data is not sufficient"}),
    "guests not measured yet": _changed(1, 1, data={"error": "Time covered by data is not sufficient"}),
    "a guest is missing": _changed(0, 1, data={"i0.x.org": 3.0}),
    "a guest on two nodes": _changed(2, 1, data={"i3.x.org": 0.25, "i0.x.org": 9.0}),
    "a guest on two nodes, the first has more": _changed(0, 1, data=_GUESTS[0] | {"i3.x.org": 9.0}),
    "a guest on another node": _changed(1, 1, data={"i2.x.org": 1.25, "Domain-0": 0.5}),
    "guests as a list": _changed(1, 1, data=[1.25]),
    "a guest's load as a string": _changed(1, 1, data={"i2.x.org": "1.25"}),
    "kind 1": _changed(1, 0, kind=1),
    "kind 2": _changed(1, 0, kind=2),
    "a category": _changed(1, 0, category="storage"),
    "an unknown category": _changed(1, 0, category="default"),
    "another format": _changed(1, 0, format_version=2),
    "a format that is no number": _changed(1, 0, format_version="1"),
    "a version that is no string": _changed(1, 0, version=1),
    "a time that is none": _changed(1, 0, timestamp=None),
    "no category": _without("category"),
    "no version": _without("version"),
    "no kind": _without("kind"),
    "no data": _without("data"),
    "no time": _without("timestamp"),
    "no name": _without("name"),
    "no processors listed": _of_data(cpus=[]),
    "processors as strings": _of_data(cpus=["1"]),
    "part of a processor": _of_data(cpu_number=1.5),
    "load as a string": _of_data(cpu_total="4"),
    "no load": _of_data(cpu_total=0),
    "load below zero": _of_data(cpu_total=-1),
    "cut off": _TEXT[:-30],
    "something behind": _TEXT + "x",
    "empty": "",
    "null": "null",
    "an object": "{}",
    "a list of numbers": "[3]",
    "no reports": '[{"node": "n0.x.org"}]',
    "no name of the node": '[{"reports": []}]',
    "a name that is none": '[{"node": 3, "reports": []}]',
    "reports are null": '[{"node": "n0.x.org", "reports": null}]',
    "a report is a number": '[{"node": "n0.x.org", "reports": [3]}]',
}
