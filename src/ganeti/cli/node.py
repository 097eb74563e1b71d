# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-node`` beyond single operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganeti.cli import tree
from ganeti.cli.listing import HEADERS, SEPARATOR, UNITS, columns, field_lister, lister, output, show
from ganeti.cli.names import full_names
from ganeti.cli.runnable import Local, modified, presented
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs, with_defaults
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.field import FieldKind, ValueStatus
from ganeti.declare.setting import settings_of
from ganeti.model.node import Node
from ganeti.operations.node.modify import NodeModify
from ganeti.query import storage, volume
from ganeti.query.column import Columns
from ganeti.query.filter import names_filter
from ganeti.query.node import DEFAULT

LIST = lister("gnt-node", "node", DEFAULT)
LIST_FIELDS = field_lister("gnt-node", "node")

_SETTINGS = {row.shown_as: row.title for row in settings_of(Node) if row.title}
FIELDS = ["name", "pip", *_SETTINGS, "pinst_list", "sinst_list", "ndparams", "custom_ndparams"]


def _info(session: Session, values: dict[str, Any]) -> int:
    names = full_names(session, "node", values.get("names") or [])
    rows = session.query("node", FIELDS, names_filter(names))
    session.say("\n".join(tree.render([described(dict(zip(FIELDS, row, strict=True))) for row in rows])))
    return 0


def described(node: dict[str, Any]) -> Pairs:
    return Pairs(
        ("Node name", node["name"]),
        ("primary ip", node["pip"]),
        *((title, node[name]) for name, title in _SETTINGS.items()),
        ("primary for instances", node["pinst_list"]),
        ("secondary for instances", node["sinst_list"]),
        ("node parameters", with_defaults(node["custom_ndparams"], node["ndparams"])),
    )


INFO = Local(
    Command("gnt-node", "info", (Argument("names", "Names of the nodes", "*", completes="node"),), usage="[<node>...]"),
    "Show detailed information about nodes.",
    _info,
)


MODIFY = presented(NodeModify, modified("node", "node_name"))


def _shown(
    session: Session, values: dict[str, Any], wire_name: str, known: Columns[Any], usual: Sequence[str], **more: Any
) -> int:
    """Run the job of an operation that returns rows, and print them."""
    from ganeti.cli import follow  # noqa: PLC0415 - lists follow nothing

    names = columns(values, usual)
    fields = [{"name": f.name, "title": f.title, "kind": f.kind} for f in known.fields(names)]
    nodes = full_names(session, "node", values.get("names") or [])
    results = follow.run(session, wire_name, {"output_fields": names, "nodes": nodes, **more})
    if results is None:
        return 0
    statuses = [ValueStatus.UNKNOWN if field["kind"] == FieldKind.UNKNOWN else ValueStatus.NORMAL for field in fields]
    data = [list(zip(statuses, row, strict=True)) for row in results[0]]
    return show(session, values, {"fields": fields, "data": data})


def _volumes(session: Session, values: dict[str, Any]) -> int:
    return _shown(session, values, "OP_NODE_QUERYVOLS", volume.VOLUMES, volume.DEFAULT)


def _storage(session: Session, values: dict[str, Any]) -> int:
    kind = values.get("storage_type")
    return _shown(session, values, "OP_NODE_QUERY_STORAGE", storage.STORAGE, storage.DEFAULT, storage_type=kind)


_NODES = Argument("names", "Names of the nodes; all if none is named", "*", completes="node")
LIST_STORAGE = Local(
    Command(
        "gnt-node",
        "list-storage",
        (_NODES,),
        (
            HEADERS,
            SEPARATOR,
            output("storage"),
            UNITS,
            Option(
                ("-t", "--storage-type"),
                "Kind of storage; by default that of the first enabled disk template",
                choices=("lvm-vg", "lvm-pv", "lvm-thin", "file", "sharedfile"),
                refused=("gluster",),
            ),
        ),
        usage="[<node>...]",
    ),
    f"List the storage units of nodes. The columns are: {', '.join(storage.DEFAULT)}.",
    _storage,
    job=True,
)
VOLUMES = Local(
    Command("gnt-node", "volumes", (_NODES,), (HEADERS, SEPARATOR, output("volume"), UNITS), usage="[<node>...]"),
    f"List the logical volumes of nodes. The columns are: {', '.join(volume.DEFAULT)}.",
    _volumes,
    job=True,
)
