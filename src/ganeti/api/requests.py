# SPDX-License-Identifier: BSD-2-Clause
"""From an HTTP request to an operation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from multidict import MultiMapping

from ganeti.api.limits import DEEPEST_BODY
from ganeti.declare.decode import decode, from_text
from ganeti.declare.parameter import Parameter
from ganeti.declare.route import Around, Body, Route
from ganeti.declare.text import parse_bool
from ganeti.errors import WrongInput
from ganeti.jobs.operation import JobOperation
from ganeti.operations import find

# On every path that submits a job.
COMMON_QUERY = {"dry-run": "dry_run"}
# Never in a body: the operation is given by the route, the reason and its source by the query.
NOT_IN_BODY = frozenset({"OP_ID", "reason"})


def operation_from(
    operation: type[JobOperation[Any]], route: Route, path: Mapping[str, str], query: MultiMapping[str], body: bytes
) -> dict[str, Any]:
    """An encoded operation. Raises WrongInput for an invalid body or query."""
    parameters = operation.parameters()
    settled = {**dict(route.fixed), **{name: _read(parameters[name], [value]) for name, value in path.items()}}
    values = {**route.defaults, **_from_body(route, body), **_from_query(operation, route, query), **settled}
    return {**values, "OP_ID": operation.wire_name(), "reason": reason_from(query)}


def job_from(
    operation: type[JobOperation[Any]], route: Route, path: Mapping[str, str], query: MultiMapping[str], body: bytes
) -> list[dict[str, Any]]:
    """The encoded operations of a job. Raises WrongInput as ``operation_from`` does."""
    own = operation_from(operation, route, path, query, body)
    if route.around is None:
        return [own]
    goes_on = _goes_on(route.around, own, query)
    if own.get("dry_run"):
        raise WrongInput(f"Parameter 'dry_run': what is possible after {route.around.before} is not known before it")
    before = _beside(route.around.before, own)
    return [before, own, *([_beside(route.around.after, own)] if goes_on else [])]


def json_of(body: bytes) -> Any:
    """The JSON value of a body; None if there is none. Raises WrongInput."""
    if not body.strip():
        return None
    too_deep = WrongInput(f"The body has more than {DEEPEST_BODY} lists and objects inside one another")
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise WrongInput(f"The body is not JSON: {error}") from None
    except RecursionError:
        raise too_deep from None
    if _deeper(value, DEEPEST_BODY):
        raise too_deep
    return value


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty one if there is none. Raises WrongInput."""
    value = json_of(body)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongInput("The body must be a JSON object")
    return value


def _from_body(route: Route, body: bytes) -> dict[str, Any]:
    if isinstance(route.body, Body):
        return route.body.translate(decode(json_of(body), route.body.shape, "The body"))
    values = object_of(body)
    if values and not route.body:
        raise WrongInput("This resource does not accept a body")
    named = _renamed(values, route.renamed)
    refused = sorted(named.keys() & (route.settled | NOT_IN_BODY))
    if refused:
        raise WrongInput(f"Parameter '{refused[0]}' cannot be given in the body of {route.method} /2{route.path}")
    for parameter, names in route.renamed_inside.items():
        if isinstance(named.get(parameter), list):
            named[parameter] = [_renamed(i, names) if isinstance(i, dict) else i for i in named[parameter]]
    return named


def _goes_on(around: Around, values: dict[str, Any], query: MultiMapping[str]) -> bool:
    """Whether another operation follows; the value that says so is not a parameter, and is removed."""
    unwanted = query.get(around.unwanted)
    if around.wanted in values and unwanted is not None:
        raise WrongInput(f"Give either '{around.wanted}' in the body or '{around.unwanted}' in the query, not both")
    if unwanted is not None:
        return not (unwanted == "1" or (unwanted != "0" and parse_bool(unwanted, f"Parameter '{around.unwanted}'")))
    return decode(values.pop(around.wanted, True), bool, f"Parameter '{around.wanted}'")


def _beside(wire_name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """Another operation with the parameters that it shares with the route's own."""
    shared = {name: value for name, value in own.items() if name in find(wire_name).parameters()}
    return {**shared, "OP_ID": wire_name}


def _renamed(values: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values by parameter, without the version of the format, of which there has been only one.

    Raises WrongInput for a parameter that is given under two names.
    """
    named = {names.get(name, name): value for name, value in values.items() if name != "__version__"}
    twice = sorted(name for name, parameter in names.items() if {name, parameter} <= values.keys())
    if twice:
        raise WrongInput(f"Parameter '{names[twice[0]]}' is given twice, also as '{twice[0]}'")
    return named


def _from_query(operation: type[JobOperation[Any]], route: Route, query: MultiMapping[str]) -> dict[str, Any]:
    parameters = operation.parameters()
    names = {**COMMON_QUERY, **route.query}
    return {
        parameter: _read(parameters[parameter], query.getall(name))
        for name, parameter in names.items()
        if name in query
    }


def _read(parameter: Parameter, texts: Sequence[str]) -> Any:
    """A list may be several strings, or one with commas; for anything else the first string counts."""
    if parameter.kind is not list:
        return from_text(texts[0], parameter)
    return [item for text in texts for item in from_text(text, parameter)]


def _deeper(value: Any, most: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most < 0 or any(_deeper(item, most - 1) for item in inner if isinstance(item, dict | list))


def reason_from(query: Mapping[str, str]) -> list[list[Any]]:
    """The reason of a request, and its source."""
    moment = time.time_ns()
    given = [["gnt:user", query["reason"], moment]] if query.get("reason") else []
    return [*given, ["gnt:library:rlib2", "request", moment]]
