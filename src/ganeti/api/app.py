# SPDX-License-Identifier: BSD-2-Clause
"""The remote API: RAPI version 2 over HTTP ("Ganeti remote API")."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
from aiohttp import web

from ganeti.api.openapi import describe
from ganeti.api.requests import operation_from, tag_change
from ganeti.api.resources import (
    COLLECTIONS,
    FEATURES,
    JOB_FIELDS,
    JOB_FIELDS_BULK,
    QUERYABLE,
    ROLE_NAMES,
    TAG_CHANGES,
    TAGGED,
    Collection,
)
from ganeti.api.users import REALM, User, Users
from ganeti.declare.field import plain_rows
from ganeti.declare.operation import Role
from ganeti.errors import AccessDenied, GanetiError, UnknownEntity, WrongInput
from ganeti.jobs.operation import JobOperation
from ganeti.luxi.protocol import Method
from ganeti.model.timing import API_WAIT
from ganeti.operations import all_operations, find
from ganeti.query.filter import names_filter, parse

_log = logging.getLogger(__name__)

_encoder = msgspec.json.Encoder()
_LARGEST_BODY = 4 * 1024**2  # bytes
_USER = web.RequestKey("user", User)


class Master(Protocol):
    """The master daemon, as ``ganeti.luxi.aio.AsyncClient`` reaches it."""

    async def call(self, method: str, *args: Any) -> Any: ...


Handler = Callable[[web.Request], Awaitable[Any]]


def application(master: Master, users: Users) -> web.Application:
    """All resources. Handlers return what is sent as JSON."""
    app = web.Application(middlewares=[_errors, _authentication(users)], client_max_size=_LARGEST_BODY)
    reader = _Reader(master)
    for path, handler in reader.routes():
        app.router.add_get(path, _answering(handler, Role.READ))
    app.router.add_delete("/2/jobs/{job}", _answering(reader.cancel_job, Role.OPERATE))
    app.router.add_put("/2/query/{what}", _answering(reader.query, Role.READ))
    for path, kind, _ in TAGGED:
        for method, _, wire_name in TAG_CHANGES:
            handler = _tag_handler(master, wire_name, kind)
            app.router.add_route(method, path, _answering(handler, find(wire_name).role))
    for operation in all_operations():
        if operation.route:
            handler = _operation_handler(master, operation)
            path = "/2" + operation.route.path
            app.router.add_route(operation.route.method, path, _answering(handler, operation.role))
    return app


def _answering(handler: Handler, role: Role) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        if role not in request[_USER].roles:
            raise AccessDenied(f"User '{request[_USER].name}' lacks the permission '{role}', which this takes")
        return _json(await handler(request))

    return handle


def _operation_handler(master: Master, operation: type[JobOperation[Any]]) -> Handler:
    async def handle(request: web.Request) -> Any:
        route = operation.route
        encoded = operation_from(operation, request.match_info, request.query, await request.read())
        if route and route.at_once:
            return await master.call(Method.READ, encoded)
        return await master.call(Method.SUBMIT_JOB, [encoded])

    return handle


def _tag_handler(master: Master, wire_name: str, kind: str) -> Handler:
    async def handle(request: web.Request) -> Any:
        whose = kind, request.match_info.get("name")
        encoded = tag_change(wire_name, whose, request.query.getall("tag", []), request.query)
        return await master.call(Method.SUBMIT_JOB, [encoded])

    return handle


class _Reader:
    """The resources that only read."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def routes(self) -> list[tuple[str, Handler]]:
        found: list[tuple[str, Handler]] = [
            ("/", self._nothing),
            ("/2", self._nothing),
            ("/version", self._version),
            ("/2/features", self._features),
            ("/2/openapi.json", self._openapi),
            ("/2/os", self._os),
            ("/2/jobs", self._jobs),
            ("/2/jobs/{job}", self._job),
            ("/2/jobs/{job}/wait", self._wait),
            ("/2/nodes/{name}/role", self._role),
            ("/2/query/{what}", self.query),
            ("/2/query/{what}/fields", self._query_fields),
            ("/2/tags", self._cluster_tags),
        ]
        for collection in COLLECTIONS:
            found += [
                (f"/2/{collection.path}", self._list(collection)),
                (f"/2/{collection.path}/{{name}}", self._describe(collection)),
                (f"/2/{collection.path}/{{name}}/tags", self._tags(collection)),
            ]
        return found

    async def _nothing(self, request: web.Request) -> None:
        del request

    async def _version(self, request: web.Request) -> int:
        del request
        return 2

    async def _features(self, request: web.Request) -> tuple[str, ...]:
        del request
        return FEATURES

    async def _openapi(self, request: web.Request) -> dict[str, Any]:
        del request
        return describe()

    async def _os(self, request: web.Request) -> list[str]:
        del request
        fields = ["name", "variants", "valid", "hidden", "blacklisted"]
        rows = await self._rows("os", fields)
        usable = [row for row in rows if row[2] and not row[3] and not row[4]]
        return [
            f"{name}+{variant}" if variant else name for name, variants, *_ in usable for variant in variants or [""]
        ]

    def _list(self, collection: Collection) -> Handler:
        async def handle(request: web.Request) -> list[dict[str, Any]]:
            if _flag(request, "bulk"):
                rows = await self._rows(collection.what, list(collection.fields))
                return [dict(zip(collection.fields, row, strict=True)) for row in rows]
            names = [row[0] for row in await self._rows(collection.what, ["name"])]
            return [{"id": name, "uri": f"/2/{collection.path}/{name}"} for name in names]

        return handle

    def _describe(self, collection: Collection) -> Handler:
        async def handle(request: web.Request) -> dict[str, Any]:
            return await self._one(collection, request.match_info["name"], list(collection.fields))

        return handle

    def _tags(self, collection: Collection) -> Handler:
        async def handle(request: web.Request) -> Any:
            return (await self._one(collection, request.match_info["name"], ["tags"]))["tags"]

        return handle

    async def _role(self, request: web.Request) -> str:
        nodes = next(collection for collection in COLLECTIONS if collection.what == "node")
        return ROLE_NAMES[(await self._one(nodes, request.match_info["name"], ["role"]))["role"]]

    async def _cluster_tags(self, request: web.Request) -> Any:
        del request
        return await self._master.call(Method.QUERY_TAGS, "cluster", "")

    async def _jobs(self, request: web.Request) -> list[dict[str, Any]]:
        if _flag(request, "bulk"):
            rows = await self._rows("job", list(JOB_FIELDS_BULK))
            return [dict(zip(JOB_FIELDS_BULK, row, strict=True)) for row in rows]
        return [{"id": row[0], "uri": f"/2/jobs/{row[0]}"} for row in await self._rows("job", ["id"])]

    async def _job(self, request: web.Request) -> dict[str, Any]:
        number = _number(request)
        (row,) = await self._master.call(Method.QUERY_JOBS, [number], list(JOB_FIELDS))
        if row is None:
            raise UnknownEntity(f"Job {number} not found")
        return dict(zip(JOB_FIELDS, row, strict=True))

    async def _wait(self, request: web.Request) -> Any:
        """News of a job: a body or query of fields, previous_job_info, previous_log_serial."""
        given = await _object(request) or dict(request.query)
        fields = given.get("fields")
        if not isinstance(fields, list):
            raise WrongInput("Parameter 'fields' must be a list of column names")
        previous, serial = given.get("previous_job_info"), given.get("previous_log_serial")
        answer = await self._master.call(
            Method.WAIT_FOR_JOB_CHANGE, _number(request), fields, previous, serial, API_WAIT
        )
        if answer is None:
            raise UnknownEntity(f"Job {_number(request)} not found")
        return None if answer == "nochange" else {"job_info": answer[0], "log_entries": answer[1]}

    async def cancel_job(self, request: web.Request) -> Any:
        return await self._master.call(Method.CANCEL_JOB, _number(request))

    async def query(self, request: web.Request) -> Any:
        what = _what(request)
        given = await _object(request)
        fields = given.get("fields") or request.query.get("fields", "").split(",")
        if not isinstance(fields, list) or fields == [""]:
            raise WrongInput("Parameter 'fields' is missing: column names, separated by commas")
        condition = given.get("qfilter", given.get("filter"))
        if condition is None and request.query.get("filter"):
            condition = parse(request.query["filter"])
        return await self._master.call(Method.QUERY, what, fields, condition)

    async def _query_fields(self, request: web.Request) -> Any:
        names = request.query.get("fields")
        return await self._master.call(Method.QUERY_FIELDS, _what(request), names.split(",") if names else None)

    async def _rows(self, what: str, fields: list[str], condition: Any = None) -> list[list[Any]]:
        table = await self._master.call(Method.QUERY, what, fields, condition)
        return plain_rows(table["data"])

    async def _one(self, collection: Collection, name: str, fields: list[str]) -> dict[str, Any]:
        condition = ["|", names_filter([name]), ["=", "uuid", name]]
        rows = await self._rows(collection.what, fields, condition)
        if not rows:
            raise UnknownEntity(f"There is no {collection.noun} '{name}'")
        return dict(zip(fields, rows[0], strict=True))


def _what(request: web.Request) -> str:
    what = request.match_info["what"]
    if what not in QUERYABLE:
        raise UnknownEntity(f"There is no resource '{what}' to query; choose from {', '.join(QUERYABLE)}")
    return what


def _number(request: web.Request) -> int:
    text = request.match_info["job"]
    if not text.isdigit():
        raise WrongInput(f"'{text}' is not a job ID")
    return int(text)


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "0") not in ("0", "", "false", "no")


async def _object(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object; empty if there is none."""
    body = await request.read()
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise WrongInput(f"The body is not a JSON object: {error}") from None


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    body = _encoder.encode(value) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every failure as JSON: ``{"code", "message", "explain"}``."""
    try:
        return await handler(request)
    except GanetiError as error:
        return _failure(error.http_status, error.message)
    except web.HTTPException as error:
        return _failure(error.status, "Nothing matches the given URI" if error.status == 404 else error.text or "")
    except Exception as error:  # noqa: BLE001 - the client must hear of it, whatever it is
        _log.exception("%s %s failed unexpectedly", request.method, request.path)
        return _failure(500, f"An error in the program: {type(error).__name__}; the daemon's log says more")


def _failure(status: int, explanation: str, headers: dict[str, str] | None = None) -> web.Response:
    return _json({"code": status, "message": HTTPStatus(status).phrase, "explain": explanation}, status, headers)


def _authentication(users: Users) -> Any:
    """HTTP Basic authentication on everything (RFC 7617)."""
    challenge = {"WWW-Authenticate": f'Basic realm="{REALM}"'}

    @web.middleware
    async def authenticate(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        user = users.find(*_credentials(request))
        if user is None:
            return _failure(401, "No permission -- see authorization schemes", challenge)
        request[_USER] = user
        return await handler(request)

    return authenticate


def _credentials(request: web.Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
