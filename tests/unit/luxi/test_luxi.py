# SPDX-License-Identifier: BSD-2-Clause
"""The master daemon's socket, from both sides."""

import asyncio

import pytest

from ganeti.errors import MasterUnreachable, UnknownEntity, WrongInput
from ganeti.luxi.aio import AsyncClient
from ganeti.luxi.client import Client
from ganeti.luxi.server import LuxiServer


async def echo(*args):
    return list(args)


async def missing():
    raise UnknownEntity("no such thing")


async def broken():
    raise ZeroDivisionError("oops")


async def one(argument):
    return argument


@pytest.fixture
async def path(tmp_path):
    server = LuxiServer({"Echo": echo, "Missing": missing, "Broken": broken, "One": one})
    await server.start(tmp_path / "socket")
    yield tmp_path / "socket"
    await server.stop()


async def in_thread(work, *args):
    return await asyncio.to_thread(work, *args)


async def test_a_question_is_answered_again_and_again_on_one_connection(path):
    client = Client(path)
    assert await in_thread(client.call, "Echo", 1, "ü") == [1, "ü"]
    big = "x" * 3_000_000
    assert await in_thread(client.call, "Echo", big) == [big]
    client.close()


async def test_an_error_arrives_as_what_it_was(path):
    with pytest.raises(UnknownEntity, match="no such thing"):
        await in_thread(Client(path).call, "Missing")


@pytest.mark.parametrize(("method", "args"), [("Nope", ()), ("One", (1, 2))])
async def test_an_unknown_method_or_wrong_arguments_are_told(path, method, args):
    with pytest.raises(WrongInput):
        await in_thread(Client(path).call, method, *args)


async def test_an_error_in_the_program_does_not_end_the_connection(path):
    client = Client(path)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        await in_thread(client.call, "Broken")
    assert await in_thread(client.call, "Echo") == []


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
    client = AsyncClient(path, connections=4)
    assert await asyncio.gather(*(client.call("Echo", n) for n in range(50))) == [[n] for n in range(50)]
    assert len(client._idle) <= 4
    await client.close()
