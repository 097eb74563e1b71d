# SPDX-License-Identifier: BSD-2-Clause
"""Connections are taken in or closed before TLS, and nobody takes the others' places."""

import asyncio
import ssl

import pytest

from ganeti.host import certificates
from ganeti.rpc import listener
from ganeti.rpc.connections import HANDSHAKES_OF_NETWORK, Connections, network_of
from ganeti.rpc.listener import Listener

HERE, THERE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
PATIENCE = 120  # seconds; for hangs only


def held(connections, address, count):
    """Places of an address, and a list of those that are closed later."""
    places, closed = [connections.enter(address) for _ in range(count)], []
    for place in places:
        place.close = lambda place=place: closed.append(place)
    return places, closed


def test_a_network_has_so_many_places_and_gets_one_back_for_each_it_leaves():
    connections = Connections(10, 2)
    places, _ = held(connections, HERE, 2)
    assert connections.enter(HERE) is None
    places[0].leave()
    places[0].leave()
    assert connections.enter(HERE) is not None
    assert connections.enter(HERE) is None


def test_when_all_places_are_taken_who_has_most_loses_the_one_that_is_silent_longest():
    connections = Connections(5, 4)
    crowd, closed = held(connections, HERE, 4)
    _, kept = held(connections, THERE, 1)
    crowd[0].busy()
    crowd[1].busy()
    crowd[1].silent()
    assert connections.enter(ELSEWHERE) is not None
    assert closed == [crowd[2]]
    assert kept == []
    assert connections.total == 5


def test_nobody_loses_a_place_to_somebody_who_would_have_as_many():
    connections = Connections(4, 4)
    held(connections, HERE, 2)
    held(connections, THERE, 2)
    assert connections.enter(HERE) is None
    assert connections.enter(THERE) is None
    assert connections.enter(ELSEWHERE) is not None
    assert connections.enter(ELSEWHERE) is None


def test_a_connection_with_a_request_in_progress_is_not_closed_for_another():
    connections = Connections(2, 2)
    for place in held(connections, HERE, 2)[0]:
        place.busy()
    assert connections.enter(THERE) is None


def test_all_addresses_of_a_machine_with_ipv6_count_as_one():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db8:0:1::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of(HERE) != network_of(THERE)
    assert network_of(None) == network_of("")


class Greeter(asyncio.Protocol):
    """Says whom it serves and hangs up."""

    def __init__(self, place):
        self.place = place

    def connection_made(self, transport):
        transport.write(b"hello")
        transport.close()

    def connection_lost(self, exc):
        self.place.leave()


class Handshakes(ssl.SSLObject):
    begun = 0

    def do_handshake(self):
        Handshakes.begun += 1
        super().do_handshake()


@pytest.fixture
def context(tmp_path, monkeypatch):
    made = certificates.create_server_credentials(certificates.create_authority("test"), "server")
    (tmp_path / "server.pem").write_bytes(made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.sslobject_class = Handshakes
    monkeypatch.setattr(Handshakes, "begun", 0)
    return context


@pytest.fixture
async def opened(context):
    made = []

    def listen(connections):
        made.append(Listener(connections, Greeter, context))
        return made[-1].open(0, "127.0.0.1")

    yield listen
    for one in made:
        await one.close()


def stranger():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def greeted(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=stranger())
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_connection_that_is_one_too_many_costs_no_tls(opened):
    connections = Connections(10, 0)
    port = opened(connections)
    with pytest.raises(OSError):  # noqa: PT011 - as the system puts it
        await greeted(port)
    assert Handshakes.begun == 0


async def test_who_gets_a_place_gets_tls_and_gives_the_place_back(opened):
    connections = Connections(10, 1)
    port = opened(connections)
    async with asyncio.timeout(PATIENCE):
        assert await greeted(port) == b"hello"
        while connections.total:
            await asyncio.sleep(0)
        assert await greeted(port) == b"hello"


async def test_of_one_network_a_few_agree_on_tls_at_a_time(opened):
    connections = Connections(100, 100)
    port = opened(connections)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(HANDSHAKES_OF_NETWORK)]
    waiting = asyncio.create_task(greeted(port))
    async with asyncio.timeout(PATIENCE):
        while connections.total <= HANDSHAKES_OF_NETWORK:
            await asyncio.sleep(0)
        begun = Handshakes.begun
        assert begun <= HANDSHAKES_OF_NETWORK
        assert not waiting.done()
        silent[0][1].close()
        assert await waiting == b"hello"
    for _, writer in silent:
        writer.close()


async def test_who_does_not_agree_on_tls_in_time_loses_the_place(opened, monkeypatch):
    monkeypatch.setattr(listener, "HANDSHAKE", 0.01)
    connections = Connections(10, 10)
    port = opened(connections)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
        while connections.total:
            await asyncio.sleep(0)
    writer.close()


async def test_a_silent_one_is_closed_for_another_before_tls_too(opened):
    connections = Connections(2, 2)
    port = opened(connections)
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        while connections.total < 2:
            await asyncio.sleep(0)
        connections.enter(THERE)
        assert await silent[0][0].read() == b""
    for _, writer in silent:
        writer.close()
