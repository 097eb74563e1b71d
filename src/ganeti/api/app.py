# SPDX-License-Identifier: BSD-2-Clause
"""The remote API: RAPI version 2 over HTTP ("Ganeti remote API")."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from ganeti.api.answers import Handler, answer, failures
from ganeti.api.authentication import USER, authentication
from ganeti.api.limits import BODY, LARGEST_BODY, LARGEST_BODY_OF_OTHERS
from ganeti.api.reader import Master, Reader
from ganeti.api.requests import job_from
from ganeti.api.resources import RESOURCES, Resource
from ganeti.api.shares import Shares
from ganeti.api.users import Users
from ganeti.declare.role import Role
from ganeti.declare.route import Route
from ganeti.jobs.operation import JobOperation
from ganeti.jobs.permission import ensure_role
from ganeti.luxi.protocol import Method
from ganeti.operations import all_operations
from ganeti.rpc.connections import Connection

_Answering = Callable[[web.Request], Awaitable[Any]]


def application(master: Master, users: Users) -> web.Application:
    """All resources."""
    shares = Shares()
    middlewares = [_attended, failures, authentication(users), shares.middleware(), _complete]
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_BODY)
    reader = Reader(master)
    for resource in RESOURCES:
        _add(app, resource.method, resource.path, _reading(reader, resource, shares))
    for operation in all_operations():
        for route in operation.routes:
            _add(app, route.method, f"/2{route.path}", _submitting(master, operation, route))
    return app


def _add(app: web.Application, method: str, path: str, answering: _Answering) -> None:
    async def handle(request: web.Request) -> web.Response:
        return answer(await answering(request))

    # Resources with GET support HEAD too.
    app.router.add_get(path, handle) if method == "GET" else app.router.add_route(method, path, handle)


def _reading(reader: Reader, resource: Resource, shares: Shares) -> _Answering:
    method = getattr(reader, resource.handler)

    async def read(request: web.Request) -> Any:
        ensure_role(request[USER].caller, resource.role, f"{resource.method} {resource.path}")
        arguments = (request, resource.collection) if resource.collection else (request,)
        if resource.handler == "wait":
            with shares.wait(request[USER].name):
                return await method(*arguments)
        if resource.lists:
            async with shares.list(request[USER].name):
                return await method(*arguments)
        return await method(*arguments)

    return read


def _submitting(master: Master, operation: type[JobOperation[Any]], route: Route) -> _Answering:
    """Permissions are checked where the operation is decoded: in the master daemon."""
    method = Method.READ_AS if route.at_once else Method.SUBMIT_JOB_AS

    async def submit(request: web.Request) -> Any:
        encoded = job_from(operation, route, request.match_info, request.query, await request.read())
        caller = msgspec.to_builtins(request[USER].caller)
        return await master.call(method, caller, encoded[0] if route.at_once else encoded)

    return submit


@web.middleware
async def _attended(request: web.Request, handler: Handler) -> web.StreamResponse:
    """While a request is being answered, its connection doesn't count as idle."""
    if not isinstance(request.protocol, Connection):
        return await handler(request)
    request.protocol.busy()
    try:
        return await handler(request)
    finally:
        request.protocol.idle()


@web.middleware
async def _complete(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body, within its time limit and this user's size limit."""
    try:
        async with asyncio.timeout(BODY):
            size = len(await request.read())
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The body did not come within {BODY:.0f} seconds") from None
    if size > LARGEST_BODY_OF_OTHERS and Role.ADMIN not in request[USER].roles:
        raise web.HTTPRequestEntityTooLarge(LARGEST_BODY_OF_OTHERS, size)
    return await handler(request)
