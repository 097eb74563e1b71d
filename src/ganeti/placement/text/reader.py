# SPDX-License-Identifier: BSD-2-Clause
"""Reading a cluster from the text format of htools(1).

Rows may be shorter than documented, as written by older versions: nodes may end after the group,
instances after the tags; the section of policies may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec
from msgspec import Struct

from ganeti.errors import WrongInput
from ganeti.model.parameters.policy import Policy
from ganeti.placement.snapshot import NO_NODE, AllocPolicy, Group, Instance, Node, Snapshot, Status, Template
from ganeti.placement.text.policies import parse_policy
from ganeti.placement.text.row import TextRow

_SECTIONS = ("groups", "nodes", "instances", "cluster tags", "policies")
_GROUP = ("name", "uuid", "allocation policy", "tags", "networks")
_NODE = (
    *("name", "total memory", "node memory", "free memory", "total disk", "free disk", "cores", "offline", "group"),
    *("spindles", "tags", "exclusive storage", "free spindles", "node cpus", "cpu speed"),
)
_INSTANCE = (
    *("name", "memory", "disk", "vcpus", "status", "auto balance", "primary", "secondary", "disk template", "tags"),
    *("spindle use", "spindles", "forthcoming"),
)
_SIZES = ("total memory", "node memory", "free memory", "total disk", "free disk", "cores")

Line = tuple[int, str]  # its number, from 1, and its text


class Parsed(Struct, frozen=True):
    """``doubts``: warnings about what is allowed, as in Ganeti's tools, but hardly intended."""

    snapshot: Snapshot
    doubts: tuple[str, ...]


def parse(text: str) -> Parsed:
    """A cluster in the text format. Raises WrongInput with the number of the line and the name of the column."""
    sections = _split(text)
    groups = [_group(row) for row in _rows(sections[0], _GROUP, 4, "group")]
    _require_unique_groups(groups)
    node_rows = _rows(sections[1], _NODE, 9, "node")
    nodes = [_node(row, groups) for row in node_rows]
    index = {node.name: place for place, node in enumerate(nodes)}
    instance_rows = _rows(sections[2], _INSTANCE, 10, "instance")
    instances = [_instance(row, index) for row in instance_rows]
    policy, groups = _with_policies(groups, sections[4] if len(sections) > 4 else [])
    snapshot = Snapshot(
        groups=tuple(groups),
        nodes=tuple(nodes),
        instances=tuple(instances),
        tags=tuple(line for _, line in sections[3]),
        policy=policy,
    )
    doubts = chain(_repeated(node_rows, "node"), _repeated(instance_rows, "instance"), _negative(node_rows, _SIZES))
    return Parsed(snapshot, tuple(chain(doubts, _negative(instance_rows, ("memory", "disk", "vcpus")))))


def _split(text: str) -> list[list[Line]]:
    """The sections: each ends with an empty line, the last with the file."""
    sections: list[list[Line]] = [[]] if text else []
    for number, line in enumerate(text.splitlines(), 1):
        if line:
            sections[-1].append((number, line))
        else:
            sections.append([])
    if len(sections) < 4:
        last = text.count("\n") + 1
        raise WrongInput(
            f"line {last}: the file ends in its section {len(sections) or 1} ({_SECTIONS[max(len(sections) - 1, 0)]}); "
            f"it needs at least 4 sections ({', '.join(_SECTIONS[:4])}), each ended by an empty line"
        )
    return sections


def _rows(section: Iterable[Line], columns: tuple[str, ...], required: int, what: str) -> list[TextRow]:
    return [TextRow(number, text, columns, required, what) for number, text in section]


def _group(row: TextRow) -> Group:
    return Group(
        name=row.text("name"),
        uuid=row.text("uuid"),
        alloc_policy=row.choice("allocation policy", AllocPolicy),
        tags=row.words("tags"),
        networks=row.words("networks"),
    )


def _require_unique_groups(groups: list[Group]) -> None:
    names = [group.name for group in groups]
    for name in names:
        if names.count(name) > 1:
            raise WrongInput(f"there is more than one group with the name '{name}'")


def _node(row: TextRow, groups: list[Group]) -> Node:
    group = next((index for index, group in enumerate(groups) if group.uuid == row.text("group")), None)
    if group is None:
        row.refuse("group", "is the UUID of no group in the first section")
    node = Node(
        name=row.text("name"),
        group=group,
        offline=row.text("offline") == "Y",
        master=row.text("offline") == "M",
        tags=row.words("tags"),
        exclusive_storage=row.text("exclusive storage") == "Y",
    )
    if any(row.unknown(column) for column in _SIZES):
        return Node(name=node.name, group=group, offline=True, node_cpus=0, spindles=0)
    return msgspec.structs.replace(
        node,
        total_memory=row.integer("total memory"),
        node_memory=row.integer("node memory"),
        free_memory=row.integer("free memory"),
        total_disk=row.integer("total disk"),
        free_disk=row.integer("free disk"),
        cpus=row.integer("cores"),
        spindles=row.integer("spindles", 1),
        free_spindles=row.integer("free spindles", 0),
        node_cpus=row.integer("node cpus", 1),
        cpu_speed=row.number("cpu speed", 1.0),
    )


def _instance(row: TextRow, nodes: dict[str, int]) -> Instance:
    primary = _place(row, "primary", nodes)
    secondary = _place(row, "secondary", nodes) if row.text("secondary") else NO_NODE
    if primary == secondary:
        row.refuse("secondary", "is its primary node as well")
    spindles = None if row.text("spindles", "-") == "-" else row.integer("spindles")
    disk = row.integer("disk")
    return Instance(
        name=row.text("name"),
        memory=row.integer("memory"),
        disk=disk,
        vcpus=row.integer("vcpus"),
        status=row.choice("status", Status),
        auto_balance=row.yes("auto balance"),
        primary=primary,
        secondary=secondary,
        template=row.choice("disk template", Template),
        tags=row.words("tags"),
        spindle_use=row.integer("spindle use", 1),
        spindles=spindles,
        forthcoming=row.text("forthcoming", "N") == "Y",
        disks=(disk,),
    )


def _place(row: TextRow, column: str, nodes: dict[str, int]) -> int:
    place = nodes.get(row.text(column))
    if place is None:
        row.refuse(column, "is not a node of this file")
    return place


def _with_policies(groups: list[Group], section: list[Line]) -> tuple[Policy, list[Group]]:
    cluster = Policy()
    by_name = {group.name: group for group in groups}
    for number, text in section:
        owner, policy = parse_policy(number, text)
        if owner and owner not in by_name:
            raise WrongInput(f"line {number}: policy: owner '{owner}' is not a group of this file")
        if owner:
            by_name[owner] = msgspec.structs.replace(by_name[owner], policy=policy)
        else:
            cluster = policy
    return cluster, list(by_name.values())


def _repeated(rows: list[TextRow], what: str) -> Iterator[str]:
    lines: dict[str, int] = {}
    for row in rows:
        first = lines.setdefault(name := row.text("name"), row.line)
        if first != row.line:
            yield f"line {row.line}: there is a {what} '{name}' in line {first} already; both are counted"


def _negative(rows: list[TextRow], columns: tuple[str, ...]) -> Iterator[str]:
    for row in rows:
        for column in columns:
            if row.text(column).startswith("-"):
                yield f"line {row.line}: '{row.text('name')}': {column} {row.text(column)} is below zero"
