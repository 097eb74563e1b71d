# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-group`` beyond single operations."""

from __future__ import annotations

from typing import Any

from ganeti.cli import tree
from ganeti.cli.listing import field_lister, lister
from ganeti.cli.names import full_names
from ganeti.cli.policy import policy, specs_options
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.tree import Pairs, with_defaults
from ganeti.declare.command import Argument, Command, Option
from ganeti.query.filter import names_filter
from ganeti.query.group import DEFAULT

LIST = lister("gnt-group", "group", DEFAULT)
LIST_FIELDS = field_lister("gnt-group", "group")

_FIELDS = (
    "name",
    "cpu_model",
    "ndparams",
    "custom_ndparams",
    "diskparams",
    "custom_diskparams",
    "ipolicy",
    "custom_ipolicy",
)


def _info(session: Session, values: dict[str, Any]) -> int:
    names = full_names(session, "group", values.get("names") or [])
    rows = session.query("group", list(_FIELDS), names_filter(names))
    session.say("\n".join(tree.render([described(dict(zip(_FIELDS, row, strict=True))) for row in rows])))
    return 0


def described(group: dict[str, Any]) -> Pairs:
    own = group["custom_diskparams"]
    disks = {name: with_defaults(own.get(name, {}), values) for name, values in sorted(group["diskparams"].items())}
    return Pairs(
        ("Node group", group["name"]),
        ("CPU model", group["cpu_model"] or "none"),
        ("Node parameters", with_defaults(group["custom_ndparams"], group["ndparams"])),
        ("Disk parameters", disks),
        ("Instance policy", policy(group["ipolicy"], group["custom_ipolicy"])),
    )


_GROUPS = Argument("names", "Names of the node groups; all if none is named", "*", completes="group")
INFO = Local(
    Command("gnt-group", "info", (_GROUPS,), usage="[<group-name>...]"),
    "Show detailed information about node groups.",
    _info,
)


def _show_ispecs(session: Session, values: dict[str, Any]) -> int:
    names = full_names(session, "group", values.get("names") or [])
    which = "ipolicy" if values.get("include_defaults") else "custom_ipolicy"
    for name, sizes in session.query("group", ["name", which], names_filter(names)):
        bounds = {part: value for part, value in sizes.items() if part == "minmax"}
        session.say(" ".join(["gnt-group add", *specs_options(bounds), name]))
    return 0


SHOW_ISPECS = Local(
    Command(
        "gnt-group",
        "show-ispecs-cmd",
        (_GROUPS,),
        (Option(("--include-defaults",), "Include what a node group inherits from the cluster", kind="flag"),),
        usage="[--include-defaults] [<group-name>...]",
    ),
    "Show the commands that add node groups with the same instance specs.",
    _show_ispecs,
)
