# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-filter list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from ganeti.declare.field import OTHER
from ganeti.model.job_filter import JobFilter
from ganeti.query.column import Column, Columns, column

_COLUMNS: list[Column[JobFilter]] = [
    column("uuid", "UUID", OTHER, "UUID of the filter", lambda row: row.uuid),
    column(
        "watermark",
        "Watermark",
        OTHER,
        "Number of the last job there was when it was made",
        lambda row: row.watermark,
    ),
    column("priority", "Priority", OTHER, "Filters with a low number are asked first", lambda row: row.priority),
    column("predicates", "Predicates", OTHER, "Which jobs it is for", lambda row: row.predicates),
    column("action", "Action", OTHER, "What becomes of these jobs", lambda row: row.action),
    column("reason_trail", "ReasonTrail", OTHER, "Who made it, and why", lambda row: row.reason_trail),
]

FILTERS: Columns[JobFilter] = Columns(_COLUMNS, name="uuid")
DEFAULT = ("uuid", "watermark", "priority", "predicates", "action", "reason_trail")
