# SPDX-License-Identifier: BSD-2-Clause
"""The remote API's description in OpenAPI 3.1, derived from the operations' declarations and the table of resources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, cast

import msgspec

from ganeti import VERSION
from ganeti.api.requests import COMMON_QUERY, NOT_IN_BODY
from ganeti.api.resources import RESOURCES, Resource
from ganeti.declare.item import Item
from ganeti.declare.parameter import Parameter, kind_of, member_of
from ganeti.declare.route import Body, Route
from ganeti.jobs.operation import JobOperation
from ganeti.operations import all_operations

_JOB = {"description": "Number of the job", "content": {"application/json": {"schema": {"type": "integer"}}}}
_ERROR = {"$ref": "#/components/responses/Error"}
_OTHERS = dict.fromkeys(("400", "401", "403", "404", "429", "502"), _ERROR)
_LINKS = "#/components/schemas/{name}"
_TEXT = {"type": "string"}


@cache
def describe() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in all_operations():
        for route in operation.routes:
            paths.setdefault(f"/2{route.path}", {})[route.method.lower()] = _submitting(operation, route)
    for resource in RESOURCES:
        paths.setdefault(resource.path, {})[resource.method.lower()] = _reading(resource)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Ganeti remote API", "version": VERSION},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _parts(),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "responses": {
                "Error": {"description": "What went wrong", "content": {"application/json": {"schema": _error()}}}
            },
        },
        "security": [{"basic": []}],
    }
    return cast("dict[str, Any]", _readable(whole))


def _readable(part: Any) -> Any:
    r"""With patterns converted to ECMAScript, where ``\Z`` is a letter.

    A number that has a pattern may also be a string: a size with its unit.
    """
    if isinstance(part, list | tuple):
        return [_readable(item) for item in part]
    if not isinstance(part, dict):
        return part
    readable = {name: _readable(value) for name, value in part.items()}
    if isinstance(pattern := part.get("pattern"), str):
        readable["pattern"] = pattern.replace(r"\Z", "$")
        if part.get("type") == "integer":
            readable["type"] = ["integer", "string"]
    return readable


def _reading(resource: Resource) -> dict[str, Any]:
    query = [_in_query(name, meaning, _TEXT) for name, meaning in resource.query.items()]
    return {
        "summary": resource.summary,
        "description": f"Required permission: {resource.role}",
        "parameters": [*_in_path(resource.path), *query],
        "responses": {"200": _result(resource.answer), **_OTHERS},
        **(_request_body(_inline(resource.body)) if resource.body else {}),
    }


def _submitting(operation: type[JobOperation[Any]], route: Route) -> dict[str, Any]:
    several = len(operation.routes) > 1
    return {
        "operationId": f"{operation.wire_name()} {route.method} {route.path}" if several else operation.wire_name(),
        "summary": route.summary or " ".join((operation.__doc__ or "").split("\n")[0].split()),
        "description": f"Required permission: {operation.role}",
        "parameters": [*_in_path(route.path), *_of_query(operation, route)],
        "responses": {"200": _result(Any) if route.at_once else _JOB, **_OTHERS},
        **(_request_body(_body(operation, route)) if route.body else {}),
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names]


def _of_query(operation: type[JobOperation[Any]], route: Route) -> Iterable[dict[str, Any]]:
    parameters = operation.parameters()
    reason = _in_query("reason", "Why; kept with the job", _TEXT)
    names = {**({} if route.around else COMMON_QUERY), **route.query}
    others = [_in_query(route.around.unwanted, f"1: without {route.around.after}", _TEXT)] if route.around else []
    return [*(_of_parameter(name, parameters[of]) for name, of in names.items()), *others, reason]


def _of_parameter(name: str, parameter: Parameter) -> dict[str, Any]:
    several = parameter.kind is list
    schema: dict[str, Any] = {"type": "array", "items": _TEXT} if several else _TEXT
    told = f"{parameter.help}; may be repeated" if several else parameter.help
    return _in_query(name, told, schema)


def _in_query(name: str, meaning: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _request_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def _result(shape: Any) -> dict[str, Any]:
    return {"description": "The result", "content": {"application/json": {"schema": _inline(shape)}}}


def _body(operation: type[JobOperation[Any]], route: Route) -> Mapping[str, Any]:
    """The schema of a body, with the names used there."""
    if isinstance(route.body, Body):
        return _inline(route.body.shape)
    schema = _parameters(operation, route.renamed, route.settled)
    elsewhere = {name for name, of in _own_names(operation, route.renamed).items() if _elsewhere(route, of)}
    for parameter, names in route.renamed_inside.items():
        listed = schema["properties"][parameter]
        schema["properties"][parameter] = {**listed, "items": _parameters(_item(operation, parameter), names)}
    if route.around:
        del schema["properties"]["dry_run"]  # whether the operations after it are possible is not known yet
        schema["properties"][route.around.wanted] = {"type": "boolean", "default": True}
    return {**schema, "required": [name for name in schema["required"] if name not in elsewhere]}


def _parameters(
    operation: type[JobOperation[Any]], renamed: Mapping[str, str], settled: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The schema of an object with the parameters of an operation, without those in ``settled``."""
    schema = _inline(operation)
    names = {
        name: of
        for name, of in _own_names(operation, renamed).items()
        if operation.parameters()[of].supported and of not in settled | NOT_IN_BODY
    }
    return {
        "type": "object",
        "properties": {name: schema["properties"][of] for name, of in names.items()},
        "required": [name for name, of in names.items() if of in schema.get("required", [])],
        "additionalProperties": False,
    }


def _own_names(operation: type[JobOperation[Any]], renamed: Mapping[str, str]) -> dict[str, str]:
    """The parameters of an operation by their names in a body."""
    shown = {of: name for name, of in renamed.items()}
    return {shown.get(of, of): of for of in operation.parameters()}


def _item(operation: type[JobOperation[Any]], parameter: str) -> type[JobOperation[Any]]:
    """The type of a list parameter's items."""
    item: type[JobOperation[Any]] = kind_of(member_of(operation.parameters()[parameter].type))
    return item


def _elsewhere(route: Route, parameter: str) -> bool:
    """Whether a required parameter may come from the query or the route."""
    return parameter in route.defaults or parameter in route.query.values()


def _inline(shape: Any) -> Mapping[str, Any]:
    """The schema of a type; a struct's own, not a link to it."""
    (schema,), components = msgspec.json.schema_components([shape], ref_template=_LINKS)
    return components[_linked(schema)] if "$ref" in schema else schema


def _parts() -> dict[str, Any]:
    """The schemas that those of operations and bodies refer to."""
    shapes = [*all_operations(), *(resource.body for resource in RESOURCES if resource.body)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_LINKS)
    whole = {_linked(schema) for schema in schemas} | {item.__name__ for item in _renamed_items()}
    open_ones = {item.__name__: {"additionalProperties": _TEXT} for item in Item.__subclasses__() if item.further}
    return {name: schema | open_ones.get(name, {}) for name, schema in components.items() if name not in whole}


def _renamed_items() -> Iterator[type[JobOperation[Any]]]:
    """Structs that bodies contain with renamed fields."""
    for operation in all_operations():
        for route in operation.routes:
            yield from (_item(operation, parameter) for parameter in route.renamed_inside)


def _linked(schema: Mapping[str, str]) -> str:
    return schema["$ref"].rpartition("/")[2]


def _error() -> dict[str, Any]:
    return {"type": "object", "properties": {"code": {"type": "integer"}, "message": _TEXT, "explain": _TEXT}}
