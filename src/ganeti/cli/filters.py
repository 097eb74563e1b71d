# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-filter``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ganeti.cli.listing import HEADERS, SEPARATOR, VERBOSE, columns, field_lister, output, show
from ganeti.cli.names import exact_names, full_names
from ganeti.cli.options import PREVIEW
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.table import Wordings
from ganeti.declare.command import Argument, Command, Option
from ganeti.luxi.protocol import Method
from ganeti.model.job_filter import action_in_words
from ganeti.query.filter import names_filter
from ganeti.query.job_filter import DEFAULT

_UUID = Argument("uuid", "UUID of the filter", completes="filter")
_UUIDS = Argument("uuids", "UUIDs of the filters; all if none is named", "*", completes="filter")
_PREDICATES = """Which jobs it is for: those of which all predicates are true, each ["jobid", CONDITION],
["opcode", CONDITION] or ["reason", CONDITION]; by default all jobs"""
_OPTIONS = (
    Option(("--priority",), "Filters with a low number are asked first", "int", default=0),
    Option(("--predicates",), " ".join(_PREDICATES.split()), "json", default=()),
    Option(
        ("--action",),
        "What becomes of these jobs: ACCEPT, PAUSE, REJECT, 'RATE_LIMIT N' or, as by default, CONTINUE: "
        "the next filter is asked",
        metavar="ACTION",
        default="CONTINUE",
    ),
)


def _reasons_in_words(trail: Sequence[Sequence[Any]]) -> str:
    return ", ".join(f"{source}: {reason}" for source, reason, _ in trail)


_WORDINGS: Wordings = {"predicates": json.dumps, "action": action_in_words, "reason_trail": _reasons_in_words}


def _replace(session: Session, values: dict[str, Any]) -> int:
    given = [values[name] for name in ("priority", "predicates", "action")]
    session.say(session.client.call(Method.REPLACE_FILTER, values.get("uuid"), *given, session.reason()))
    return 0


ADD = Local(
    Command("gnt-filter", "add", options=_OPTIONS),
    "Add a filter, which holds back, rejects or limits jobs, and print its UUID.",
    _replace,
)
REPLACE = Local(
    Command("gnt-filter", "replace", (_UUID,), _OPTIONS, usage="<filter-uuid>"),
    "Replace a filter by one for which the watermark is the last job, or add it if there is none with this UUID.",
    _replace,
)


def _delete(session: Session, values: dict[str, Any]) -> int:
    if values.get("dry_run"):
        _preview_deletion(session, values["uuid"])
        return 0
    session.client.call(Method.DELETE_FILTER, values["uuid"])
    return 0


def _preview_deletion(session: Session, name: str) -> None:
    from ganeti.jobs.preview import Preview  # noqa: PLC0415 - only here

    (uuid,) = exact_names(session, "filter", [name])
    ((predicates, action),) = session.query("filter", ["predicates", "action"], names_filter([uuid], "uuid"))
    about = json.dumps(predicates) if predicates else "for all jobs"
    session.tell(
        Preview(
            (f"delete filter {uuid}: {action_in_words(action)} {about}",),
            risks=("jobs that it holds back go on, unless another filter holds them back",),
        )
    )


DELETE = Local(
    Command("gnt-filter", "delete", (_UUID,), (PREVIEW,), usage="<filter-uuid>"),
    "Delete a filter. Jobs that it holds back go on.",
    _delete,
)


def _list(session: Session, values: dict[str, Any]) -> int:
    condition = names_filter(full_names(session, "filter", values.get("uuids") or []), "uuid")
    answer = session.client.call(Method.QUERY, "filter", columns(values, DEFAULT), condition)
    return show(session, values, answer, _WORDINGS)


LIST = Local(
    Command(
        "gnt-filter",
        "list",
        (_UUIDS,),
        (HEADERS, SEPARATOR, output("filter"), VERBOSE),
        usage="[<filter-uuid>...]",
    ),
    "List filters, in the order in which they are asked. 'list-fields' shows all columns; "
    f"the default ones are: {', '.join(DEFAULT)}.",
    _list,
)
LIST_FIELDS = field_lister("gnt-filter", "filter")


def _info(session: Session, values: dict[str, Any]) -> int:
    uuids = full_names(session, "filter", values.get("uuids") or [])
    for row in session.query("filter", list(DEFAULT), names_filter(uuids, "uuid")):
        uuid, watermark, priority, predicates, action, trail = row
        session.say(f"UUID: {uuid}")
        session.say(f"  Watermark: {watermark}")
        session.say(f"  Priority: {priority}")
        session.say(f"  Predicates: {json.dumps(predicates)}")
        session.say(f"  Action: {action_in_words(action)}")
        session.say(f"  Reason trail: {_reasons_in_words(trail)}")
    return 0


INFO = Local(
    Command("gnt-filter", "info", (_UUIDS,), usage="[<filter-uuid>...]"),
    "Show filters, in the order in which they are asked.",
    _info,
)
