# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon's socket, from both sides."""

import asyncio
from typing import Any

import pytest

from ganeti.errors import MasterUnreachable, UnknownEntity, WrongInput, WrongState
from ganeti.luxi.aio import AsyncClient
from ganeti.luxi.client import Client
from ganeti.luxi.protocol import DEEPEST_REQUEST, LARGEST_REQUEST
from ganeti.luxi.server import MOST_OF_A_PROCESS, LuxiServer
from ganeti.luxi.signature import typed


async def echo(first: Any = None, second: Any = None):
    return [first, second]


async def missing():
    raise UnknownEntity("no such thing")


async def broken():
    raise ZeroDivisionError("oops")


async def endless():
    await asyncio.Event().wait()


async def one(argument: int):
    return argument


@pytest.fixture
async def path(tmp_path):
    methods = {"Echo": echo, "Missing": missing, "Broken": broken, "One": one, "WaitForJobChange": endless}
    server = LuxiServer({name: typed(method, name) for name, method in methods.items()})
    await server.start(tmp_path / "socket")
    yield tmp_path / "socket"
    await server.stop()


async def in_thread(work, *args):
    return await asyncio.to_thread(work, *args)


async def test_a_question_is_answered_again_and_again_on_one_connection(path):
    client = Client(path)
    assert await in_thread(client.call, "Echo", 1, "ü") == [1, "ü"]
    big = "x" * 3_000_000
    assert await in_thread(client.call, "Echo", big) == [big, None]
    client.close()


async def test_an_error_arrives_as_what_it_was(path):
    with pytest.raises(UnknownEntity, match="no such thing"):
        await in_thread(Client(path).call, "Missing")


@pytest.mark.parametrize(("method", "args"), [("Nope", ()), ("One", (1, 2)), ("One", ()), ("One", ("x",))])
async def test_an_unknown_method_or_wrong_arguments_are_told(path, method, args):
    with pytest.raises(WrongInput):
        await in_thread(Client(path).call, method, *args)


async def test_an_error_in_the_program_does_not_end_the_connection(path):
    client = Client(path)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        await in_thread(client.call, "Broken")
    assert await in_thread(client.call, "Echo") == [None, None]


async def test_the_socket_is_for_its_owner_only(path):
    assert path.stat().st_mode & 0o077 == 0


async def test_no_daemon_is_told_with_what_to_look_at(tmp_path):
    with pytest.raises(MasterUnreachable, match="is ganeti-masterd running"):
        await in_thread(Client(tmp_path / "none").call, "Echo")


async def test_garbage_is_answered_not_obeyed(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"garbage\x03")
    assert b'"success":false' in await reader.readuntil(b"\x03")
    writer.close()


async def test_many_questions_share_connections(path):
    client = AsyncClient(path, quick=4)
    assert await asyncio.gather(*(client.call("Echo", n) for n in range(50))) == [[n, None] for n in range(50)]
    assert len(client._idle) <= 4
    await client.close()


async def test_whoever_waits_for_jobs_keeps_nobody_from_asking_something_else(path):
    client = AsyncClient(path, quick=1, waits=1)
    waiting = [asyncio.create_task(client.call("WaitForJobChange")) for _ in range(3)]
    assert await client.call("Echo", 1) == [1, None]
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    await client.close()


async def asked(path, message):
    """The answer to bytes as they are, and whether the connection goes on."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LARGEST_REQUEST)
    writer.write(message + b"\x03")
    answer = await reader.readuntil(b"\x03")
    ended = not await reader.read() if b"MiB" in answer else False
    writer.close()
    return answer, ended


@pytest.mark.parametrize("deep", [DEEPEST_REQUEST, 5_000, 500_000])
async def test_a_request_that_is_too_deep_is_refused(path, deep):
    message = b'{"method": "Echo", "args": [' + b"[" * deep + b"]" * deep + b"]}"
    assert b"stand in one another" in (await asked(path, message))[0]


async def test_a_request_that_is_too_large_is_answered_before_the_connection_ends(path):
    answer, ended = await asked(path, b" " * (LARGEST_REQUEST + 1))
    assert b"send less at a time" in answer
    assert ended


async def test_one_program_cannot_take_all_connections(path):
    held = [await asyncio.open_unix_connection(path) for _ in range(MOST_OF_A_PROCESS)]
    with pytest.raises(WrongState, match=f"at most {MOST_OF_A_PROCESS}"):
        await AsyncClient(path).call("Echo")
    for _, writer in held:
        writer.close()
