# SPDX-License-Identifier: BSD-2-Clause
"""Node calls over HTTP and mutual TLS, on loopback."""

import asyncio
import ssl

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from ganeti.errors import NodeCallFailed, NodeRefused, NodeUnreachable, WrongInput
from ganeti.host import certificates, tls
from ganeti.model.entity import evolve
from ganeti.model.node import Node
from ganeti.rpc import http, intake
from ganeti.rpc.authority import Authority, Term, write_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import DelayNode, Ping, Pong, WriteSsconf
from ganeti.rpc.http import HttpTransport, call_server
from ganeti.rpc.server import Dispatcher
from ganeti.rpc.transport import Peer

NODE = Node(uuid="n1", name="node1", primary_ip="127.0.0.1", group="g")


def credentials(directory, authority, name):
    made = certificates.create_node_credentials(authority, name)
    (directory / f"{name}.pem").write_bytes(made.certificate)
    (directory / f"{name}.key").write_bytes(made.key)
    return directory / f"{name}.pem", directory / f"{name}.key"


@pytest.fixture
def ca(tmp_path):
    authority = certificates.create_authority("test")
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    return authority


async def ping(call, report):
    report.log("one line")
    report.progress(1, 2, "steps")
    return Pong("node1", "4", 0.0)


async def fails(call, report):
    raise WrongInput("Parameter 'seconds': no")


async def reads_much(call, report):
    report.log(str(sum(map(len, call.values.values()))))


@pytest.fixture
async def port(tmp_path, ca):
    write_term(tmp_path / "term", Term(1, "master"))
    authority = Authority(tmp_path / "term", lambda: {"master": ()})
    dispatcher = Dispatcher({Ping: ping, DelayNode: fails, WriteSsconf: reads_much}, authority)
    context = tls.server_context(*credentials(tmp_path, ca, "node1"), tmp_path / "ca.pem")
    server = call_server(dispatcher.answer, authority.may_be_master, context)
    yield await server.open(0, "127.0.0.1")
    await server.close()


@pytest.fixture
async def clients(tmp_path, ca, port):
    made = []

    def client(name="master", term=1, authority=ca):
        paths = credentials(tmp_path, authority, name)
        context = tls.client_context(*paths, tmp_path / "ca.pem")
        made.append(NodeClient(HttpTransport(lambda: context), name, lambda: term, port))
        return made[-1]

    yield client
    for one in made:
        await one.close()


async def test_a_call_is_answered_with_what_was_said_on_the_way(clients):
    lines = []
    assert await clients().call(NODE, Ping(), lines.append) == Pong("node1", "4", 0.0)
    assert [line.log or line.progress.unit for line in lines] == ["one line", "steps"]


async def test_connections_are_kept_for_the_next_call(clients):
    client = clients()
    await asyncio.gather(*(client.call(NODE, Ping()) for _ in range(3)))
    await client.call(NODE, Ping())
    assert 1 <= len([c for conns in client._transport._session.connector._conns.values() for c in conns]) <= 3


async def test_an_error_of_the_node_arrives_as_what_it_was_with_the_nodes_name(clients):
    with pytest.raises(WrongInput, match=r"On node node1: Parameter 'seconds': no"):
        await clients().call(NODE, DelayNode(seconds=1))


async def test_a_caller_with_a_certificate_of_another_ca_is_turned_away(clients):
    stranger = certificates.create_authority("stranger")
    with pytest.raises(NodeUnreachable):
        await clients(authority=stranger).call(NODE, Ping())


async def test_a_caller_without_a_certificate_is_turned_away(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises((ConnectionError, ssl.SSLError, asyncio.IncompleteReadError)):
        await first_byte(port, context)


async def first_byte(port, context):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    return await reader.readexactly(1)


async def test_another_node_of_the_cluster_is_refused(clients):
    with pytest.raises(NodeRefused, match="'node7' is not the master"):
        await clients("node7").call(NODE, Ping())


async def test_a_node_that_shows_another_name_is_not_talked_to(clients):
    wrong = Node(uuid="n2", name="node2", primary_ip="127.0.0.1", group="g")
    told = r"^Node node2 \(127.0.0.1\) cannot be reached: Hostname mismatch, certificate is not valid for 'node2'\.$"
    with pytest.raises(NodeUnreachable, match=told):
        await clients().call(wrong, Ping())


async def test_nobody_listening_is_told_at_once(clients, tmp_path, ca):
    context = tls.client_context(*credentials(tmp_path, ca, "master"), tmp_path / "ca.pem")
    client = NodeClient(HttpTransport(lambda: context), "master", lambda: 1, 1)
    with pytest.raises(NodeUnreachable, match=r"^Node node1 \(127.0.0.1\) cannot be reached: Connection refused$"):
        await client.call(NODE, Ping())
    await client.close()


async def test_a_call_of_many_megabytes_arrives(clients):
    lines = []
    await clients().call(NODE, WriteSsconf(revision=1, values={"a": "x" * 30_000_000}), lines.append)
    assert lines[0].log == "30000000"


@pytest.fixture
async def endless(tmp_path, ca, monkeypatch):
    """(server, client) of a node daemon in which a ping never ends."""
    monkeypatch.setattr(http, "_GRACE", 0.01)
    write_term(tmp_path / "term", Term(1, "master"))
    authority = Authority(tmp_path / "term", lambda: {"master": ()})

    async def never_ends(call, report):
        report.log("begun")
        await asyncio.Event().wait()

    context = tls.server_context(*credentials(tmp_path, ca, "node1"), tmp_path / "ca.pem")
    server = call_server(Dispatcher({Ping: never_ends}, authority).answer, authority.may_be_master, context)
    port = await server.open(0, "127.0.0.1")
    paths = credentials(tmp_path, ca, "master")
    context = tls.client_context(*paths, tmp_path / "ca.pem")
    transport = HttpTransport(lambda: context)
    client = NodeClient(transport, "master", lambda: 1, port)
    yield server, client
    await client.close()
    await server.close()


async def begun(client):
    """A ping that is being answered."""
    answering = asyncio.Event()
    ping = asyncio.create_task(client.call(NODE, Ping(), lambda line: answering.set()))
    await answering.wait()
    return ping


async def test_a_call_that_never_ends_does_not_keep_the_daemon_from_stopping(endless):
    server, client = endless
    ping = await begun(client)
    async with asyncio.timeout(120):
        await server.close()
        with pytest.raises(NodeUnreachable):
            await ping


async def test_a_caller_that_hangs_up_is_no_error(endless, caplog):
    server, client = endless
    ping = await begun(client)
    ping.cancel()
    await asyncio.wait([ping])
    await client.close()
    await server.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_from_a_node_that_cannot_be_master_little_is_read(clients):
    call = WriteSsconf(revision=1, values={"key": "x" * intake.SMALLEST})
    with pytest.raises(NodeUnreachable, match="413"):
        await clients("node7").call(NODE, call)
    with pytest.raises(NodeRefused):
        await clients("node7").call(NODE, Ping())


async def test_of_bodies_that_are_in_use_no_more_is_held_at_once_than_stated(monkeypatch):
    monkeypatch.setattr(intake, "ALL", 100)
    taken = intake.Intake(lambda peer: True)
    nobody = Peer("", "")
    async with taken.body(nobody, stream(b"x" * 60)) as first:
        with pytest.raises(web.HTTPServiceUnavailable):
            async with taken.body(nobody, stream(b"y" * 60)):
                pass
        assert first == b"x" * 60
    async with taken.body(nobody, stream(b"z" * 100)) as again:
        assert len(again) == 100


async def test_a_body_that_stops_coming_is_waited_for_no_longer_than_stated(monkeypatch):
    monkeypatch.setattr(intake, "SILENCE", 0.0)
    with pytest.raises(web.HTTPRequestTimeout):
        async with intake.Intake(lambda peer: True).body(Peer("", ""), Silent()):
            pass


async def test_the_certificate_of_the_remote_api_cannot_call_a_node(tmp_path, ca, port):
    made = certificates.create_server_credentials(ca, "master")
    (tmp_path / "api.pem").write_bytes(made)
    context = tls.client_context(tmp_path / "api.pem", tmp_path / "api.pem", tmp_path / "ca.pem")
    client = NodeClient(HttpTransport(lambda: context), "master", lambda: 1, port)
    with pytest.raises(NodeUnreachable):
        await client.call(NODE, Ping())
    await client.close()


async def test_the_certificate_that_a_node_shows_is_known_after_a_call(tmp_path, clients):
    master = clients()
    assert master.certificate_of(NODE) == ""
    await master.call(NODE, Ping())
    assert master.certificate_of(NODE) == certificates.fingerprint((tmp_path / "node1.pem").read_bytes())


async def test_a_node_with_another_certificate_than_the_one_on_record_is_told_nothing(tmp_path, clients):
    shown = certificates.fingerprint((tmp_path / "node1.pem").read_bytes())
    assert await clients().call(evolve(NODE, certificate=shown), Ping())
    assert await clients().call(evolve(NODE, certificate="old", next_certificate=shown), Ping())
    master = clients()
    with pytest.raises(NodeUnreachable, match="not the one that is on record"):
        await master.call(evolve(NODE, certificate="another"), Ping())
    assert master.certificate_of(NODE) == ""


async def test_what_one_call_expects_does_not_decide_for_another_at_the_same_time(tmp_path, clients):
    master = clients()
    answers = await asyncio.gather(
        master.call(NODE, Ping()), master.call(evolve(NODE, certificate="another"), Ping()), return_exceptions=True
    )
    assert isinstance(answers[0], Pong)


async def test_a_caller_that_does_not_say_what_it_wants_is_hung_up_on(monkeypatch, tmp_path, ca, port):
    monkeypatch.setattr(http, "HEADERS", 0.01)
    context = tls.client_context(*credentials(tmp_path, ca, "node7"), tmp_path / "ca.pem")
    for beginning in (b"", b"POST /call HTTP/1.1\r\nHost:"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="node1")
        writer.write(beginning)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_others_take_few_connections_and_the_master_is_served(tmp_path, ca, clients, port, monkeypatch):
    context = tls.client_context(*credentials(tmp_path, ca, "node7"), tmp_path / "ca.pem")
    opened = [
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="node1")
        for _ in range(http.CONNECTIONS_OF_OTHER + 1)
    ]
    async with asyncio.timeout(60):
        assert await opened[-1][0].read() == b""
    assert await clients().call(NODE, Ping()) == Pong("node1", "4", 0.0)
    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize(("limit", "value"), [("MOST_LINES", 1), ("MOST_BYTES", 10)])
async def test_a_node_that_says_too_much_is_cut_off(clients, monkeypatch, limit, value):
    monkeypatch.setattr(f"ganeti.rpc.client.{limit}", value)
    with pytest.raises(NodeCallFailed, match=r"Node node1 .* cut off"):
        await clients().call(NODE, Ping())


async def test_a_line_without_an_end_is_not_collected_for_ever(monkeypatch):
    monkeypatch.setattr(http, "LONGEST_LINE", 10)
    content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
    content.feed_data(b"x" * 11)
    with pytest.raises(NodeCallFailed, match="cut off"):
        await anext(http._lines(content, "node1"))


async def test_lines_are_put_together_whatever_pieces_they_come_in():
    content = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)
    for piece in (b"a", b"b\nc", b"\n\nd\ne"):
        content.feed_data(piece)
    content.feed_eof()
    assert [line async for line in http._lines(content, "node1")] == [b"ab", b"c", b"", b"d"]


class Silent:
    """A stream of which nothing comes."""

    async def readany(self):
        await asyncio.Event().wait()


def stream(data):
    loop = asyncio.get_running_loop()
    made = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    made.feed_data(data)
    made.feed_eof()
    return made
