# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-node`` beyond single operations."""

from __future__ import annotations

from typing import Any

from ganeti.cli import tree
from ganeti.cli.listing import field_lister, lister
from ganeti.cli.names import full_names
from ganeti.cli.runnable import Local, presented
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs, with_defaults
from ganeti.declare.command import Argument, Command
from ganeti.operations.node.modify import NodeModify
from ganeti.query.filter import names_filter
from ganeti.query.node import DEFAULT

LIST = lister("gnt-node", "node", DEFAULT)
LIST_FIELDS = field_lister("gnt-node", "node")

_FIELDS = [
    "name",
    "pip",
    "sip",
    "pinst_list",
    "sinst_list",
    "master_candidate",
    "drained",
    "offline",
    "master_capable",
    "vm_capable",
    "powered",
    "ndparams",
    "custom_ndparams",
]


def _info(session: Session, values: dict[str, Any]) -> int:
    names = full_names(session, "node", values.get("names") or [])
    rows = session.query("node", _FIELDS, names_filter(names))
    session.say("\n".join(tree.render([_description(dict(zip(_FIELDS, row, strict=True))) for row in rows])))
    return 0


def _description(node: dict[str, Any]) -> Pairs:
    return Pairs(
        ("Node name", node["name"]),
        ("primary ip", node["pip"]),
        ("secondary ip", node["sip"]),
        ("master candidate", node["master_candidate"]),
        ("drained", node["drained"]),
        ("offline", node["offline"]),
        ("master_capable", node["master_capable"]),
        ("vm_capable", node["vm_capable"]),
        ("primary for instances", node["pinst_list"]),
        ("secondary for instances", node["sinst_list"]),
        ("node parameters", with_defaults(node["custom_ndparams"], node["ndparams"])),
    )


INFO = Local(
    Command("gnt-node", "info", (Argument("names", "Names of the nodes", "*", completes="node"),), usage="[<node>...]"),
    "Show detailed information about nodes.",
    _info,
)


def _show_modified(session: Session, results: list[Any]) -> int:
    if results[0]:
        session.say(f"Modified node {session.values['node_name']}")
        for what, value in results[0]:
            session.say(f" - {what} -> {value}")
    return 0


MODIFY = presented(NodeModify, _show_modified)
