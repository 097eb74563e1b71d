# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-node list-drbd``: the mirrored disks of a node, as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganeti.cli.listing import HEADERS, SEPARATOR, show
from ganeti.cli.names import full_names
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import NO_JOB, Command
from ganeti.declare.field import FieldKind, ValueStatus
from ganeti.operations.node.subject import NODE_ARGUMENT

_COLUMNS = {
    "node": ("Node", FieldKind.TEXT),
    "minor": ("Minor", FieldKind.NUMBER),
    "instance": ("Instance", FieldKind.TEXT),
    "disk": ("Disk", FieldKind.TEXT),
    "role": ("Role", FieldKind.TEXT),
    "peer": ("PeerNode", FieldKind.TEXT),
}


def _list(session: Session, values: dict[str, Any]) -> int:
    (node,) = full_names(session, "node", [values["node_name"]])
    found = session.read("OP_INSTANCE_QUERY_DATA", instances=[], static=True)
    rows = sorted(row for instance in found.values() for row in _mirrors(instance, node))
    fields = [{"name": name, "title": title, "kind": kind} for name, (title, kind) in _COLUMNS.items()]
    data = [[(ValueStatus.NORMAL, value) for value in row] for row in rows]
    return show(session, values, {"fields": fields, "data": data})


def _mirrors(instance: dict[str, Any], node: str) -> Iterator[tuple[Any, ...]]:
    """Its disks with a copy on a node; the logical ID of a disk has nodes, port and minors."""
    for disk in instance["disks"]:
        if disk["dev_type"] != "drbd" or node not in disk["logical_id"][:2]:
            continue
        first, second, _, *minors = disk["logical_id"]
        own = (first, second).index(node)
        role = "primary" if instance["pnode"] == node else "secondary"
        yield node, minors[own], instance["name"], disk["iv_name"], role, (first, second)[1 - own]


LIST_DRBD = Local(
    Command("gnt-node", "list-drbd", (NODE_ARGUMENT,), (HEADERS, SEPARATOR, NO_JOB), usage="<node>"),
    f"List the mirrored disks of a node. The columns are: {', '.join(_COLUMNS)}.",
    _list,
)
