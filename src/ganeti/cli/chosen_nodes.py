# SPDX-License-Identifier: BSD-2-Clause
"""The target nodes of a command: named ones, those of a node group, or all, but no offline ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganeti.cli.names import exact_names
from ganeti.cli.session import Session
from ganeti.declare.command import Option
from ganeti.errors import UnknownEntity, WrongState

_FIELDS = ["name", "group", "sip", "pip", "offline", "ndp/ssh_port", "role"]

NODES = Option(
    ("-n", "--node"),
    "Only this node; may be repeated",
    metavar="NODE",
    name="nodes",
    repeat=True,
    completes="node",
)
GROUP = Option(("-g", "--node-group"), "Only nodes of this group", metavar="GROUP", name="nodegroup", completes="group")


@dataclass(frozen=True, slots=True)
class Reached:
    """A node, and how to reach it. ``secondary``: the address for replication, if different.

    ``known``: the file with the host keys of nodes.
    """

    name: str
    port: int
    secondary: str
    is_master: bool
    known: Path | None = None


def chosen(session: Session, names: Sequence[str], group: str | None) -> list[Reached]:
    """Sorted by name, the master last. Reports which are offline. Raises WrongState if no others are left."""
    named = set(exact_names(session, "node", names))
    in_group = set(exact_names(session, "group", [group])) if group else None
    rows = [dict(zip(_FIELDS, row, strict=True)) for row in session.query("node", _FIELDS)]
    rows = [
        row for row in rows if (not named or row["name"] in named) and (in_group is None or row["group"] in in_group)
    ]
    if not rows:
        raise UnknownEntity("There are no such nodes" + (f" in group {group}" if group else ""))
    if offline := [row["name"] for row in rows if row["offline"]]:
        session.warn(f"Note: skipping offline node(s): {', '.join(offline)}")
    found = [_reached(session.paths.known_hosts, row) for row in rows if not row["offline"]]
    if not found:
        raise WrongState("All of these nodes are marked offline")
    return sorted(found, key=lambda node: node.is_master)


def _reached(known: Path, row: dict[str, Any]) -> Reached:
    secondary = row["sip"] if row["sip"] != row["pip"] else ""
    return Reached(row["name"], row["ndp/ssh_port"], secondary, row["role"] == "M", known)
