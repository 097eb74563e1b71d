# SPDX-License-Identifier: BSD-2-Clause
"""Answers the resources that are not operations (``ganeti.api.resources.RESOURCES``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from aiohttp import web

from ganeti.api.authentication import USER
from ganeti.api.limits import MOST_FIELDS
from ganeti.api.openapi import describe
from ganeti.api.requests import object_of, reason_from
from ganeti.api.resources import (
    FEATURES,
    JOB_FIELDS,
    JOB_FIELDS_BULK,
    QUERYABLE,
    ROLE_NAMES,
    Collection,
    QueryBody,
    WaitBody,
)
from ganeti.declare.decode import decode
from ganeti.declare.field import plain_rows
from ganeti.errors import UnknownEntity, WrongInput
from ganeti.luxi.protocol import FilterRequest, Method
from ganeti.model.kind import Kind
from ganeti.model.timing import API_WAIT
from ganeti.query.filter import names_filter
from ganeti.query.language import parse


class Master(Protocol):
    """The master daemon, as ``ganeti.luxi.aio.AsyncClient`` reaches it."""

    async def call(self, method: str, *args: Any) -> Any: ...

    async def relay(self, method: str, *args: Any) -> msgspec.Raw: ...


class Reader:
    """A method for each resource; those of collections are passed the collection."""

    def __init__(self, master: Master) -> None:
        self._master = master

    async def nothing(self, request: web.Request) -> None:
        del request

    async def version(self, request: web.Request) -> int:
        del request
        return 2

    async def features(self, request: web.Request) -> tuple[str, ...]:
        del request
        return tuple(FEATURES)

    async def openapi(self, request: web.Request) -> dict[str, Any]:
        del request
        return describe()

    async def providers(self, request: web.Request) -> list[str]:
        del request
        fields = ["name", "variants", "valid", "hidden", "blacklisted"]
        rows = await self._rows("os", fields)
        usable = [row for row in rows if row[2] and not row[3] and not row[4]]
        return [
            f"{name}+{variant}" if variant else name for name, variants, *_ in usable for variant in variants or [""]
        ]

    async def collect(self, request: web.Request, collection: Collection) -> Any:
        if _flag(request, "bulk"):
            return await self._master.relay(Method.QUERY_OBJECTS, collection.kind, collection.columns)
        names = [row[0] for row in await self._rows(collection.kind, [collection.key])]
        path = collection.kind.path
        return [{**dict.fromkeys(collection.names, name), "uri": f"/2/{path}/{name}"} for name in names]

    async def describe(self, request: web.Request, collection: Collection) -> dict[str, Any]:
        return await self._one(collection.kind, request.match_info["name"], collection.columns, collection.key)

    async def node_role(self, request: web.Request) -> str:
        node = await self._one(Kind.NODE, request.match_info["name"], {"role": "role"})
        return ROLE_NAMES[node["role"]]

    async def add_filter(self, request: web.Request) -> str:
        return await self._replace_filter(request, None)

    async def replace_filter(self, request: web.Request) -> str:
        return await self._replace_filter(request, request.match_info["name"])

    async def delete_filter(self, request: web.Request) -> None:
        caller = msgspec.to_builtins(request[USER].caller)
        await self._master.call(Method.DELETE_FILTER_AS, caller, request.match_info["name"])

    async def jobs(self, request: web.Request) -> Any:
        if _flag(request, "bulk"):
            return await self._master.relay(Method.QUERY_OBJECTS, "job", {name: name for name in JOB_FIELDS_BULK})
        return [{"id": row[0], "uri": f"/2/jobs/{row[0]}"} for row in await self._rows("job", ["id"])]

    async def job(self, request: web.Request) -> dict[str, Any]:
        number = _number(request)
        (row,) = await self._master.call(Method.QUERY_JOBS, [number], JOB_FIELDS)
        if row is None:
            raise UnknownEntity(f"Job {number} not found")
        return dict(zip(JOB_FIELDS, row, strict=True))

    async def wait(self, request: web.Request) -> Any:
        number = _number(request)
        given = decode(object_of(await request.read()) or dict(request.query), WaitBody, "Waiting for a job")
        fields = _columns(given.fields)
        previous = given.previous_job_info, given.previous_log_serial
        found = await self._master.call(Method.WAIT_FOR_JOB_CHANGE, number, fields, *previous, API_WAIT)
        if found is None:
            raise UnknownEntity(f"Job {number} not found")
        return None if found == "nochange" else {"job_info": found[0], "log_entries": found[1]}

    async def cancel(self, request: web.Request) -> Any:
        caller = msgspec.to_builtins(request[USER].caller)
        return await self._master.call(Method.CANCEL_JOB_AS, caller, _number(request))

    async def query(self, request: web.Request) -> Any:
        values = object_of(await request.read())
        if "fields" not in values and "fields" in request.query:
            values["fields"] = request.query["fields"].split(",")
        given = decode(values, QueryBody, "A query")
        condition = given.qfilter or given.filter
        if condition is None and request.query.get("filter"):
            condition = parse(request.query["filter"])
        return await self._master.relay(Method.QUERY, _what(request), _columns(given.fields), condition)

    async def query_fields(self, request: web.Request) -> Any:
        names = request.query.get("fields")
        wanted = _columns(names.split(",")) if names else None
        return await self._master.call(Method.QUERY_FIELDS, _what(request), wanted)

    async def _replace_filter(self, request: web.Request, uuid: str | None) -> str:
        values = object_of(await request.read())
        if uuid and values.setdefault("uuid", uuid) != uuid:
            raise WrongInput(f"Parameter 'uuid': it is {uuid} in the path; leave it out of the body")
        given = decode(values, FilterRequest, "A filter")
        asked = {**msgspec.to_builtins(given), "reason": [*given.reason, *reason_from(request.query)]}
        caller = msgspec.to_builtins(request[USER].caller)
        found: str = await self._master.call(Method.REPLACE_FILTER_AS, caller, asked)
        return found

    async def _rows(self, what: str, fields: Sequence[str]) -> list[list[Any]]:
        table = await self._master.call(Method.QUERY, what, fields)
        return plain_rows(table["data"])

    async def _one(self, kind: Kind, name: str, columns: Mapping[str, str], key: str = "name") -> dict[str, Any]:
        found = await self._master.call(Method.FIND_NAMES, kind, [name])
        objects: list[dict[str, Any]] = await self._master.call(
            Method.QUERY_OBJECTS, kind, columns, names_filter(found, key)
        )
        if not objects:
            raise UnknownEntity(f"The {kind.noun} '{name}' was removed in the meantime")
        return objects[0]


def _columns(names: list[str]) -> list[str]:
    if not names:
        raise WrongInput("Parameter 'fields': name at least one column")
    if len(names) > MOST_FIELDS:
        raise WrongInput(
            f"Parameter 'fields': {len(names)} columns are too many, at most {MOST_FIELDS} can be asked for"
        )
    return names


def _what(request: web.Request) -> str:
    what = request.match_info["what"]
    if what not in QUERYABLE:
        raise UnknownEntity(f"There is no resource '{what}' to query; choose from {', '.join(QUERYABLE)}")
    return what


def _number(request: web.Request) -> int:
    text = request.match_info["job"]
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise WrongInput(f"'{text}' is not a job ID")
    return int(text)


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "0") not in ("0", "", "false", "no")
