# SPDX-License-Identifier: BSD-2-Clause
"""A guest is a stranger: whatever it sends, it fills no log and costs the others nothing."""

import asyncio
import gzip
import logging

import pytest

from ganeti.daemons.metad.http import server
from ganeti.daemons.metad.mailbox import Mail
from tests.unit.daemons.metad.test_answers import TOLD

LARGE = gzip.compress(bytes(60_000_000))
HEAD = b"Host: node\r\nConnection: close\r\n"


@pytest.fixture
async def ask():
    served = server(TOLD, Mail())
    port = await served.open(0, "127.0.0.1")

    async def answer(request):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        async with asyncio.timeout(60):
            told = await reader.read()
        writer.close()
        return told

    yield answer
    await served.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /latest/\xff HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"GET * HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 10_000 + b"\r\n\r\n",
        b"POST /ganeti/latest/write HTTP/1.1\r\n"
        + HEAD
        + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /ganeti/latest/write HTTP/1.1\r\n" + HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
async def test_what_is_no_request_is_answered_and_not_logged(ask, caplog, request_):
    with caplog.at_level(logging.INFO):
        told = await ask(request_)
    assert told.startswith(b"HTTP/1.")
    assert b" 500 " not in told
    assert caplog.records == []


async def test_what_is_compressed_is_not_expanded(ask):
    head = HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(LARGE)}\r\n\r\n".encode()
    assert b" 204 " in await ask(b"POST /ganeti/latest/write HTTP/1.1\r\n" + head + LARGE)
    assert (await ask(b"GET /ganeti/latest/read HTTP/1.1\r\n" + HEAD + b"\r\n")).startswith(b"HTTP/1.1 200")


async def test_who_asks_for_the_head_of_a_message_does_not_take_it_away(ask):
    assert (await ask(b"HEAD /ganeti/latest/read HTTP/1.1\r\n" + HEAD + b"\r\n")).startswith(b"HTTP/1.1 405")
