# SPDX-License-Identifier: BSD-2-Clause
"""``list`` and ``list-fields`` for every kind of object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganeti.cli import table
from ganeti.cli.names import full_names
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.cli.table import Wordings
from ganeti.declare.command import Argument, Command, Option
from ganeti.declare.field import FieldKind, ValueStatus
from ganeti.errors import EXIT_UNKNOWN_FIELD
from ganeti.luxi.protocol import Method
from ganeti.model.kind import Kind
from ganeti.query.filter import names_filter
from ganeti.query.language import parse

# Characters that no name has, and every filter except a bare field ("Query filters" in ganeti(7)).
_OF_FILTERS = frozenset(" \t\n()<>=!~\"'")
_KIND_NAMES = {
    FieldKind.TEXT: "Text",
    FieldKind.BOOL: "Boolean",
    FieldKind.NUMBER: "Number",
    FieldKind.FLOAT: "Floating-point",
    FieldKind.UNIT: "Storage size",
    FieldKind.TIMESTAMP: "Timestamp",
    FieldKind.OTHER: "Custom",
    FieldKind.UNKNOWN: "Unknown",
}

HEADERS = Option(("--no-headers",), "Do not print column headers", kind="flag")
SEPARATOR = Option(("--separator",), "Column separator, for output read by programs", metavar="TEXT")
UNITS = Option(("--units",), "Unit of sizes: m, g, t, or h for the best fit", choices=("h", "m", "g", "t"))
VERBOSE = Option(("-v", "--verbose"), "Print why a value is missing", kind="flag")
FILTER = Option(
    ("-F", "--filter"), "Treat the argument as a filter even if it could be a name, such as 'drained'", kind="flag"
)


def output(what: str) -> Option:
    """The option that chooses the columns for a kind of object."""
    told = "Columns to print; +COLUMN,... adds to the default ones"
    return Option(("-o", "--output"), told, metavar="COLUMNS", completes=f"columns of {what}")


def show(session: Session, values: dict[str, Any], answer: dict[str, Any], wordings: Wordings | None = None) -> int:
    """Print a query's answer; the exit status tells about unknown columns.

    ``wordings``: by column name, how to show values that are neither simple nor lists of simple ones.
    """
    unknown = [field["name"] for field in answer["fields"] if field["kind"] == FieldKind.UNKNOWN]
    if unknown:
        session.warn(f"Warning: Queried for unknown fields {', '.join(unknown)}")
    lines = table.render(
        answer,
        headers=not values.get("no_headers"),
        separator=values.get("separator"),
        units=values.get("units"),
        verbose=bool(values.get("verbose")),
        wordings=wordings,
    )
    if lines:
        session.say("\n".join(lines))
    return EXIT_UNKNOWN_FIELD if unknown else 0


def columns(values: dict[str, Any], usual: Sequence[str]) -> list[str]:
    """``-o a,b`` as it is, ``-o +a`` after the default ones."""
    asked = values.get("output")
    if not asked:
        return list(usual)
    return [*usual, *asked[1:].split(",")] if asked.startswith("+") else asked.split(",")


def lister(script: str, what: str, usual: Sequence[str], wordings: Wordings | None = None) -> Local:
    """The ``list`` command of a kind of object; ``wordings`` as in ``show``."""

    def run(session: Session, values: dict[str, Any]) -> int:
        condition = _condition(session, what, values)
        answer = session.client.call(Method.QUERY, what, columns(values, usual), condition)
        return show(session, values, answer, wordings)

    noun = _noun(what)
    argument = Argument(
        "names", f"{noun.capitalize()}s to list, with * and ? as wildcards; or a filter", "*", completes=what
    )
    options = (HEADERS, SEPARATOR, output(what), UNITS, VERBOSE, FILTER)
    command = Command(script, "list", (argument,), options, usage=f"[<{what}-name>...]")
    help_text = f"List {noun}s. 'list-fields' shows all columns; the default ones are: {', '.join(usual)}."
    return Local(command, help_text, run)


def _noun(what: str) -> str:
    return next((kind.noun for kind in Kind if kind == what), what)


def is_filter(words: Sequence[str], values: dict[str, Any]) -> bool:
    """Whether the arguments of a list are a filter: by -F, or because a single one can't be a name."""
    return bool(values.get("filter")) or (len(words) == 1 and bool(set(words[0]) & _OF_FILTERS))


def _condition(session: Session, what: str, values: dict[str, Any]) -> list[Any] | None:
    words = values.get("names")
    if not words:
        return None
    if is_filter(words, values):
        return parse(" ".join(words))
    return names_filter(full_names(session, what, words))


def field_lister(script: str, what: str) -> Local:
    """The ``list-fields`` command of a kind of object."""

    def run(session: Session, values: dict[str, Any]) -> int:
        answer = session.client.call(Method.QUERY_FIELDS, what, values.get("fields") or None)
        titles = [("name", "Name"), ("kind", "Type"), ("title", "Title"), ("doc", "Description")]
        fields = [{"name": name, "title": title, "kind": FieldKind.TEXT} for name, title in titles]
        data = [[(ValueStatus.NORMAL, _shown(field, name)) for name, _ in titles] for field in answer["fields"]]
        show(session, values, {"fields": fields, "data": data})
        return EXIT_UNKNOWN_FIELD if any(f["kind"] == FieldKind.UNKNOWN for f in answer["fields"]) else 0

    command = Command(
        script,
        "list-fields",
        (Argument("fields", "Fields to show", "*", completes=f"columns of {what}"),),
        (HEADERS, SEPARATOR),
        usage="[<field>...]",
    )
    return Local(command, f"List the columns that 'list' can print for {_noun(what)}s.", run)


def _shown(field: dict[str, Any], name: str) -> str:
    return _KIND_NAMES[FieldKind(field["kind"])] if name == "kind" else field[name]
