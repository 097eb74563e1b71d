# SPDX-License-Identifier: BSD-2-Clause
"""Joining with a token: both sides, over TLS on loopback."""

import asyncio
import hashlib
import socket
import ssl
from contextlib import suppress

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace as replaced

from ganeti import VERSION
from ganeti.bootstrap.join import applicant, invitations
from ganeti.bootstrap.join.applicant import join
from ganeti.bootstrap.join.bundles import Notary
from ganeti.bootstrap.join.invitations import Hosting, Invitations
from ganeti.bootstrap.join.messages import Answer
from ganeti.bootstrap.join.token import Token, decode
from ganeti.errors import AccessDenied, AlreadyExists, ExecutionFailed, MasterUnreachable, WrongInput, WrongState
from ganeti.host import certificates, tls
from ganeti.host.daemons import NODE_DAEMONS
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.membership import begin_leaving, belongs_to, candidates
from ganeti.rpc.authority import Term, read_term, write_term


class Host:
    """A master that notes whom it took in."""

    def __init__(self, paths):
        self.paths = paths
        self.taken_in = []
        self.members = set()
        self.trouble = None
        self.secrets = iter(bytes([n]) * 16 for n in range(1, 256))
        authority = certificates.create_authority("cluster")
        own = certificates.create_node_credentials(authority, "node1")
        write_atomic(paths.ca_certificate, authority.certificate)
        write_atomic(paths.ca_key, authority.key)
        write_atomic(paths.node_certificate, own.certificate)
        write_atomic(paths.node_key, own.key)
        write_term(paths.term, Term(3, "node1"))
        write_atomic(paths.ssconf("cluster_name"), "cluster")
        write_atomic(paths.ssconf("master_candidates"), "node1\nnode7")
        self.invitations = Invitations(self._hosting())

    def _hosting(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.paths.node_certificate, self.paths.node_key)
        shown = ssl.PEM_cert_to_DER_cert(self.paths.node_certificate.read_text())
        return Hosting(
            host="127.0.0.1",
            context=context,
            fingerprint=lambda: hashlib.sha256(shown).digest(),
            new_secret=lambda: next(self.secrets),
            may_come=self._may_come,
            admit=Notary(self.paths).bundle,
            take_in=self._take_in,
            port=free_port(),
        )

    async def _may_come(self, parameters):
        if parameters["node_name"] in self.members and not parameters.get("readd"):
            raise AlreadyExists(f"Node {parameters['node_name']} is in the cluster already; --readd takes it in again")

    async def _take_in(self, parameters):
        self.taken_in.append(parameters)
        if self.trouble:
            await self.trouble()
        return ["one line", "another"]


async def refuse():
    raise WrongState("the node's clock is wrong")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def host(tmp_path):
    made = Host(Paths(tmp_path / "master"))
    yield made
    await made.invitations.close()


@pytest.fixture
def node(tmp_path):
    return Paths(tmp_path / "node")


async def invite(host, name="node2", valid=60.0, **options):
    return decode(await host.invitations.invite(name, options, valid))


class Daemons:
    """Those of a node; starting one may fail."""

    def __init__(self, start=lambda: None):
        self.up, self._start = set(), start

    def start(self, daemon):
        self._start()
        self.up.add(str(daemon))

    def stop(self, daemon):
        self.up.discard(str(daemon))

    def running(self, daemon):
        return str(daemon) in self.up


async def try_to_join(paths, token, start=lambda: None, address=None):
    return await asyncio.to_thread(join, paths, token, Daemons(start), address)


def is_blank(paths):
    """Whether there is nothing of a cluster."""
    return belongs_to(paths) is None and not any(path.is_file() for path in paths.root.rglob("*"))


async def test_a_node_with_a_token_becomes_a_member(host, node):
    started = []
    answer = await try_to_join(node, await invite(host, group="rack2"), lambda: started.append(True))
    assert (answer.node_name, answer.lines, len(started)) == ("node2", ("one line", "another"), len(NODE_DAEMONS))
    assert host.taken_in == [{"primary_ip": "127.0.0.1", "group": "rack2", "node_name": "node2"}]
    assert certificates.node_name(node.node_certificate.read_bytes()) == "node2"
    assert (belongs_to(node), read_term(node.term), candidates(node)) == (
        "cluster",
        Term(3, "node1"),
        {"node1": (), "node7": ()},
    )


async def test_its_certificate_is_of_the_cluster_and_its_key_never_left_it(host, node):
    await try_to_join(node, await invite(host))
    assert node.ca_certificate.read_bytes() == host.paths.ca_certificate.read_bytes()
    assert node.node_certificate.stat().st_mode & 0o077 == 0
    tls.client_context(node.node_certificate, node.node_key, node.ca_certificate)
    assert not node.ca_key.exists()


async def test_a_node_may_say_its_address_itself_but_the_invitation_counts_more(host, node, tmp_path):
    await try_to_join(node, await invite(host), address="10.0.0.2")
    await try_to_join(Paths(tmp_path / "3"), await invite(host, "node3", primary_ip="10.0.0.3"), address="10.9.9.9")
    assert [parameters["primary_ip"] for parameters in host.taken_in] == ["10.0.0.2", "10.0.0.3"]


async def test_a_token_is_good_for_one_node(host, node, tmp_path):
    token = await invite(host)
    await try_to_join(node, token)
    second = Paths(tmp_path / "second")
    with pytest.raises(AccessDenied, match="has expired or was used; create a new one"):
        await try_to_join(second, token)
    assert is_blank(second)
    assert len(host.taken_in) == 1


async def test_a_wrong_secret_is_refused(host, node):
    token = await invite(host)
    with pytest.raises(AccessDenied, match="has expired or was used"):
        await try_to_join(node, Token(token.host, token.port, token.fingerprint, b"x" * 16))
    assert is_blank(node)
    assert host.taken_in == []


async def test_a_node_tells_its_secret_to_nobody_but_the_master(host, node, monkeypatch):
    token = await invite(host)
    monkeypatch.setattr(applicant, "_ask", lambda *words: pytest.fail("it said something"))
    with pytest.raises(AccessDenied, match="is not the master that issued the token"):
        await try_to_join(node, Token(token.host, token.port, b"f" * 32, token.secret))
    assert is_blank(node)


async def test_an_expired_token_is_refused(host, node):
    token = await invite(host, valid=0.0)
    await invite(host, "node3")
    with pytest.raises(AccessDenied, match="has expired or was used"):
        await try_to_join(node, token)
    assert is_blank(node)


async def test_nobody_listens_when_the_last_token_has_expired(host, node):
    token = await invite(host, valid=0.0)
    while host.invitations._listener is not None:
        await asyncio.sleep(0)
    with pytest.raises(MasterUnreachable, match="and the token still valid"):
        await try_to_join(node, token)
    assert is_blank(node)


async def test_a_second_token_for_a_node_makes_the_first_one_void(host, node):
    first, second = await invite(host), await invite(host)
    with pytest.raises(AccessDenied):
        await try_to_join(node, first)
    assert (await try_to_join(node, second)).node_name == "node2"


async def test_a_token_that_runs_out_while_the_node_is_taken_in_does_no_harm(host, node):
    host.trouble = host.invitations.close
    assert (await try_to_join(node, await invite(host))).node_name == "node2"
    assert belongs_to(node) == "cluster"


async def test_a_node_that_is_not_taken_in_forgets_the_cluster_and_needs_a_new_token(host, node):
    token = await invite(host)
    host.trouble = refuse
    with pytest.raises(WrongState, match="the node's clock is wrong; the token is used up"):
        await try_to_join(node, token)
    assert is_blank(node)
    host.trouble = None
    with pytest.raises(AccessDenied):
        await try_to_join(node, token)
    assert (await try_to_join(node, await invite(host))).node_name == "node2"


async def test_a_token_that_many_show_at_once_gives_one_certificate(host, tmp_path):
    token = await invite(host)
    answers = await asyncio.gather(
        *(try_to_join(Paths(tmp_path / str(n)), token) for n in range(4)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["AccessDenied"] * 3 + ["Answer"]


async def test_a_join_that_cannot_end_well_is_refused_before_it_has_a_certificate(host, node):
    token = await invite(host)
    host.members.add("node2")
    with pytest.raises(AlreadyExists):
        await try_to_join(node, token)
    assert is_blank(node)
    assert host.taken_in == []


async def test_a_node_whose_daemon_does_not_start_forgets_the_cluster(host, node):
    def fails():
        raise ExecutionFailed("no")

    with pytest.raises(ExecutionFailed):
        await try_to_join(node, await invite(host), fails)
    assert is_blank(node)
    assert host.taken_in == []


async def test_a_member_of_a_cluster_does_not_join_another(host, node):
    await try_to_join(node, await invite(host))
    write_atomic(node.ca_certificate, certificates.create_authority("other").certificate)
    with pytest.raises(WrongState, match="belongs to the cluster 'cluster' already"):
        await try_to_join(node, await invite(host))


async def test_a_member_that_is_invited_again_gets_new_credentials_without_being_installed_anew(host, node):
    await try_to_join(node, await invite(host))
    before = node.node_certificate.read_bytes()
    host.members.add("node2")
    answer = await try_to_join(node, await invite(host, readd=True))
    assert (answer.node_name, belongs_to(node)) == ("node2", "cluster")
    assert node.node_certificate.read_bytes() != before


async def test_a_member_does_not_become_another_one(host, node):
    await try_to_join(node, await invite(host))
    with pytest.raises(WrongState, match="This machine is node node2 of the cluster, and the token is for node3"):
        await try_to_join(node, await invite(host, "node3"))
    assert certificates.node_name(node.node_certificate.read_bytes()) == "node2"


async def test_the_master_does_not_join_its_own_cluster(host):
    with pytest.raises(WrongState, match="is the master of the cluster 'cluster'"):
        await try_to_join(host.paths, await invite(host))


async def test_a_former_master_that_missed_its_replacement_joins_again(host, node):
    await try_to_join(node, await invite(host))
    write_term(node.term, Term(2, "node2"))
    with pytest.raises(WrongState, match="This machine is node node2 of the cluster, and the token is for node3"):
        await try_to_join(node, await invite(host, "node3"))
    host.members.add("node2")
    assert (await try_to_join(node, await invite(host, readd=True))).node_name == "node2"
    assert read_term(node.term) == Term(3, "node1")


async def test_what_a_departure_that_was_interrupted_has_left_does_not_come_back(host, node):
    await try_to_join(node, await invite(host))
    begin_leaving(node)
    host.trouble = refuse
    with pytest.raises(WrongState):
        await try_to_join(node, await invite(host))
    assert is_blank(node)


async def test_another_version_is_refused(host, node, monkeypatch):
    monkeypatch.setattr(applicant, "VERSION", "3.0.2")
    with pytest.raises(WrongState, match=r"runs version 3\.0\.2"):
        await try_to_join(node, await invite(host))
    assert is_blank(node)


async def test_a_member_is_invited_again_only_on_purpose(host):
    host.members.add("node2")
    with pytest.raises(AlreadyExists, match="--readd takes it in again"):
        await invite(host)
    assert await invite(host, readd=True)


@pytest.mark.parametrize("message", [b"GET / HTTP/1.0\r\n", b"{}\n", b"[1]\n", b'{"secret": "zz"}\n'])
async def test_what_is_not_understood_is_told_so(host, message):
    token = await invite(host)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(token.host, token.port, ssl=context)
    writer.write(message)
    assert b"The request could not be understood" in await reader.readline()
    writer.close()


def test_a_token_survives_being_typed():
    token = Token("10.0.0.1", 1816, b"f" * 32, b"s" * 16)
    assert decode(f"  {token.encode()}\n") == token
    assert replaced(token, host="fd00::1") == decode(replaced(token, host="fd00::1").encode())


@pytest.mark.parametrize("text", ["", "node2", "gnt1-", "gnt1-!!!", "gnt1-" + "A" * 60])
def test_what_is_no_token_is_told_so(text):
    with pytest.raises(WrongInput, match="not a complete token of 'gnt-node invite'"):
        decode(text)


def test_a_token_that_was_not_copied_whole_is_told_so():
    whole = Token("10.0.0.1", 1816, b"f" * 32, b"s" * 16).encode()
    with pytest.raises(WrongInput, match="not a complete token"):
        decode(whole[:60])


async def applied(host, token, **changes):
    """What the master answers to an application that no honest node makes."""
    _, request = certificates.request_certificate("x")
    message = {"secret": token.secret.hex(), "request": request.decode(), "version": VERSION, **changes}
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(token.host, token.port, ssl=context)
    writer.write(msgspec.json.encode(message) + b"\n")
    answer = msgspec.json.decode(await reader.readline(), type=Answer)
    writer.close()
    return answer


def weak_request():
    key = rsa.generate_private_key(65537, 1024)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"request": "nonsense"},
        {"request": weak_request()},
        {"address": "nowhere"},
        {"address": "0.0.0.0"},
        {"address": "224.0.0.1"},
        {"version": "0"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_an_application_that_is_no_good_gets_no_certificate_and_leaves_the_token_as_it_was(host, node, wrong):
    token = await invite(host)
    answer = await applied(host, token, **wrong)
    assert answer.error
    assert answer.bundle is None
    await try_to_join(node, token)


async def test_wrong_tokens_are_told_so_late(host, node, monkeypatch):
    waited = []

    async def later(seconds):
        waited.append(seconds)

    token = await invite(host)
    monkeypatch.setattr(invitations.asyncio, "sleep", later)
    assert (await applied(host, token, secret="00" * 16)).error
    assert waited == [invitations._WRONG]


async def test_a_network_that_holds_all_its_connections_is_given_no_tls_until_it_lets_one_go(host, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_OF_NETWORK", 1)
    token = await invite(host)
    _, held = await asyncio.open_connection(token.host, token.port)
    with pytest.raises(ConnectionResetError):
        await applied(host, token)
    held.close()
    async with asyncio.timeout(120):  # for hangs only
        while True:
            with suppress(OSError):
                assert (await applied(host, token, version="0")).error
                return
            await asyncio.sleep(0.01)
