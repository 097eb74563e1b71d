# SPDX-License-Identifier: BSD-2-Clause
"""The remote API's description in OpenAPI 3.1, derived from the operations' declarations."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from ganeti import VERSION
from ganeti.api.resources import COLLECTIONS, QUERYABLE, TAG_CHANGES, TAGGED
from ganeti.declare.operation import COMMON_PARAMETERS
from ganeti.jobs.operation import JobOperation
from ganeti.operations import all_operations, find

_JOB = {"description": "Number of the job", "content": {"application/json": {"schema": {"type": "integer"}}}}
_ANYTHING = {"description": "The result", "content": {"application/json": {"schema": {}}}}
_ERROR = {"$ref": "#/components/responses/Error"}
_OTHERS = {"400": _ERROR, "401": _ERROR, "403": _ERROR, "404": _ERROR, "502": _ERROR}
# What is neither an operation nor read with GET.
_OTHER_WAYS = (
    ("delete", "/2/jobs/{job}", "Cancel a job that has not started"),
    ("put", "/2/query/{what}", "As with GET, with fields and filter in a JSON object"),
)


@cache
def describe() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in all_operations():
        if operation.route:
            paths.setdefault("/2" + operation.route.path, {})[operation.route.method.lower()] = _submitting(operation)
    for path, summary in _readable():
        paths.setdefault(path, {}).setdefault("get", _reading(path, summary))
    for method, path, summary in _OTHER_WAYS:
        paths[path][method] = _reading(path, summary)
    for path, _, whose in TAGGED:
        for method, summary, wire_name in TAG_CHANGES:
            paths[path][method.lower()] = _changing_tags(path, f"{summary} of {whose}", wire_name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ganeti remote API", "version": VERSION},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _shapes(),
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "responses": {
                "Error": {"description": "What went wrong", "content": {"application/json": {"schema": _error()}}}
            },
        },
        "security": [{"basic": []}],
    }


def _readable() -> list[tuple[str, str]]:
    found = [
        ("/version", "Version of the API"),
        ("/2/features", "Features of the API"),
        ("/2/os", "Operating systems that can be installed on every node"),
        ("/2/jobs", "List jobs; bulk=1 describes each"),
        ("/2/jobs/{job}", "Describe a job"),
        ("/2/jobs/{job}/wait", "Wait for changes of a job"),
        ("/2/nodes/{name}/role", "Role of a node"),
        ("/2/query/{what}", f"Query columns of: {', '.join(QUERYABLE)}"),
        ("/2/query/{what}/fields", "Columns that can be queried"),
        ("/2/tags", "Tags of the cluster"),
        ("/2/openapi.json", "This description"),
    ]
    for collection in COLLECTIONS:
        found += [
            (f"/2/{collection.path}", f"List every {collection.noun}; bulk=1 describes each"),
            (f"/2/{collection.path}/{{name}}", f"Describe one {collection.noun}"),
            (f"/2/{collection.path}/{{name}}/tags", f"Tags of one {collection.noun}"),
        ]
    return found


def _reading(path: str, summary: str) -> dict[str, Any]:
    return {"summary": summary, "parameters": _in_path(path), "responses": {"200": _ANYTHING, **_OTHERS}}


def _changing_tags(path: str, summary: str, wire_name: str) -> dict[str, Any]:
    tags = {
        "name": "tag",
        "in": "query",
        "description": "A tag; may be repeated",
        "required": True,
        "schema": {"type": "array", "items": {"type": "string"}},
    }
    return {
        "operationId": f"{wire_name} {path}",
        "summary": summary,
        "parameters": [*_in_path(path), tags, *_in_query(find(wire_name))],
        "responses": {"200": _JOB, **_OTHERS},
    }


def _submitting(operation: type[JobOperation[Any]]) -> dict[str, Any]:
    route = operation.route
    assert route is not None  # noqa: S101 - asked before
    told: dict[str, Any] = {
        "operationId": operation.wire_name(),
        "summary": " ".join((operation.__doc__ or "").split("\n")[0].split()),
        "parameters": _in_path(route.path) + _in_query(operation),
        "responses": {"200": _ANYTHING if route.at_once else _JOB, **_OTHERS},
    }
    if route.body:
        told["requestBody"] = {"content": {"application/json": {"schema": _body(operation)}}}
    return told


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(operation: type[JobOperation[Any]]) -> list[dict[str, Any]]:
    parameters = operation.parameters()
    names = {"dry-run": "dry_run", **(operation.route.query or {} if operation.route else {})}
    return [
        {"name": name, "in": "query", "description": parameters[of].help, "schema": {"type": "string"}}
        for name, of in names.items()
    ]


def _body(operation: type[JobOperation[Any]]) -> dict[str, Any]:
    """The parameters that a body may hold, under the names they have there."""
    schema = _schemas(operation)[operation.__name__]
    assert operation.route is not None  # noqa: S101 - asked before
    in_path = set(re.findall(r"\{(\w+)\}", operation.route.path))
    shown = {
        name: schema["properties"][name]
        for name, parameter in operation.parameters().items()
        if parameter.supported and name not in COMMON_PARAMETERS | in_path
    }
    required = [name for name in schema.get("required", []) if name in shown]
    return {"type": "object", "properties": shown, "required": required, "additionalProperties": False}


def _shapes() -> dict[str, Any]:
    """What bodies hold besides plain values: disks, network cards."""
    found: dict[str, Any] = {}
    for operation in all_operations():
        if operation.route and operation.route.body:
            found |= {name: shape for name, shape in _schemas(operation).items() if name != operation.__name__}
    return found


def _schemas(operation: type[JobOperation[Any]]) -> dict[str, Any]:
    """The operation's schema and those that it refers to, by name of their class."""
    (_, schemas) = msgspec.json.schema_components([operation], ref_template="#/components/schemas/{name}")
    return schemas


def _error() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer"}
    return {"type": "object", "properties": {"code": number, "message": text, "explain": text}}
