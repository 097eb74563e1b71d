# SPDX-License-Identifier: BSD-2-Clause
"""From an HTTP request to an operation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ganeti.declare.decode import from_text
from ganeti.declare.operation import Route
from ganeti.errors import WrongInput
from ganeti.jobs.operation import JobOperation
from ganeti.operations import find

# On every path that submits a job.
_COMMON_QUERY = {"dry-run": "dry_run"}


def operation_from(
    operation: type[JobOperation[Any]], path: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """An encoded operation. Raises WrongInput for a body that is no JSON object or a query that makes no sense."""
    route = operation.route
    assert route is not None  # noqa: S101 - it was found by its route
    values: dict[str, Any] = _body(route, body)
    values |= _from_query(operation, {**_COMMON_QUERY, **(route.query or {})}, query)
    for name, value in path.items():
        values[name] = [value] if operation.parameters()[name].kind is list else value
    return {"OP_ID": operation.wire_name(), **values, "reason": _reason(query)}


def tag_change(
    wire_name: str, whose: tuple[str, str | None], tags: list[str], query: Mapping[str, str]
) -> dict[str, Any]:
    """An encoded operation on the tags of a (kind, name). Raises WrongInput for a query that makes no sense."""
    kind, name = whose
    values = {"kind": kind, "name": name, "tags": tags, **_from_query(find(wire_name), _COMMON_QUERY, query)}
    return {"OP_ID": wire_name, **values, "reason": _reason(query)}


def _body(route: Route, body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    if not route.body:
        raise WrongInput("This resource does not accept a body")
    try:
        values = json.loads(body)
    except ValueError as error:
        raise WrongInput(f"The body is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise WrongInput("The body must be a JSON object")
    values.pop("__version__", None)  # of the format; there has been one only
    renamed: dict[str, str] = route.renamed or {}
    return {renamed.get(str(name), str(name)): value for name, value in values.items()}


def _from_query(
    operation: type[JobOperation[Any]], names: Mapping[str, str], query: Mapping[str, str]
) -> dict[str, Any]:
    parameters = operation.parameters()
    return {
        parameter: from_text(query[name], parameters[parameter]) for name, parameter in names.items() if name in query
    }


def _reason(query: Mapping[str, str]) -> list[list[Any]]:
    moment = time.time_ns()
    given = [["gnt:user", query["reason"], moment]] if query.get("reason") else []
    return [*given, ["gnt:library:rlib2", "request", moment]]
