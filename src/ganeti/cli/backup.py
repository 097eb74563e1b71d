# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-backup`` beyond single operations."""

from __future__ import annotations

from typing import Any

from ganeti.cli.listing import HEADERS, SEPARATOR, UNITS, VERBOSE, columns, field_lister, output, show
from ganeti.cli.names import full_names
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Command, Option
from ganeti.luxi.protocol import Method
from ganeti.query.export import DEFAULT
from ganeti.query.filter import names_filter


def _list(session: Session, values: dict[str, Any]) -> int:
    nodes = full_names(session, "node", values.get("nodes") or [])
    answer = session.client.call(Method.QUERY, "export", columns(values, DEFAULT), names_filter(nodes, "node"))
    return show(session, values, answer)


LIST = Local(
    Command(
        "gnt-backup",
        "list",
        options=(
            Option(
                ("-n", "--node"),
                "Only the exports of this node; may be repeated",
                name="nodes",
                metavar="NODE",
                repeat=True,
                completes="node",
            ),
            HEADERS,
            SEPARATOR,
            output("export"),
            UNITS,
            VERBOSE,
        ),
        usage="[-n NODE]...",
    ),
    "List the exports that nodes have. A node that does not tell has a '?'.",
    _list,
)
LIST_FIELDS = field_lister("gnt-backup", "export")
