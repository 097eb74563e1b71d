# SPDX-License-Identifier: BSD-2-Clause
"""A node daemon does what the master of its term asks for, and nothing for whoever else knocks with whatever."""

import asyncio
import json
import pkgutil
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeti.host import certificates, tls
from ganeti.rpc import contract
from ganeti.rpc.authority import Authority, Term, read_term, write_term
from ganeti.rpc.call import AskSeveral, Call
from ganeti.rpc.contract.node import Ping, TellStanding
from ganeti.rpc.http import call_server
from ganeti.rpc.server import Dispatcher

NOW = Term(5, "master")
CANDIDATES = {"master": (), "candidate": ()}
BUDGET = settings(max_examples=30, derandomize=True, deadline=None, database=None)
for module in pkgutil.iter_modules(contract.__path__):
    import_module(f"{contract.__name__}.{module.name}")
CALLS = {call.wire_name(): call for call in Call.__subclasses__() if call is not AskSeveral}


@dataclass(frozen=True)
class Caller:
    """``ca``: who has signed the certificate: the cluster, another cluster, nobody else (None); no certificate: "".

    ``says``: whom the request says it is from.
    """

    name: str
    ca: str | None
    says: str
    term: int


STRANGERS = (
    Caller("", "", "master", 5),
    Caller("master", None, "master", 5),
    Caller("master", "another", "master", 5),
    Caller("master", "another", "master", 6),
    Caller("node7", "cluster", "node7", 5),
    Caller("node7", "cluster", "node7", 6),
    Caller("node7", "cluster", "master", 5),
    Caller("node7", "cluster", "candidate", 6),
    Caller("candidate", "cluster", "candidate", 5),
    Caller("candidate", "cluster", "master", 5),
    Caller("candidate", "cluster", "candidate", 4),
    Caller("master", "cluster", "master", 4),
    Caller("master", "cluster", "candidate", 6),
)


class Door:
    """A node daemon on loopback that writes down what it would have done."""

    def __init__(self, root):
        self._root = root
        self._cas = {name: certificates.create_authority(name) for name in ("cluster", "another")}
        self._trusted = self._file("ca.pem", self._cas["cluster"].certificate)
        self.done = []
        self.term = root / "term"
        self.port = None
        write_term(self.term, NOW)

    async def open(self):
        authority = Authority(self.term, lambda: CANDIDATES)
        calls = dict.fromkeys(CALLS.values(), self._carried_out)
        own = self._credentials(Caller("node1", "cluster", "", 0))
        context = tls.server_context(*own, self._trusted)
        self._server = call_server(Dispatcher(calls, authority).answer, authority.may_be_master, context)
        self.port = await self._server.open(0, "127.0.0.1")

    async def close(self):
        await self._server.close()

    async def _carried_out(self, call, report):
        self.done.append(call)

    async def knock(self, context, body):
        """The last line of what comes back; None if the connection is refused."""
        connector = aiohttp.TCPConnector(ssl=context, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            with suppress(aiohttp.ClientError, ConnectionError, ssl.SSLError):
                async with session.post(f"https://127.0.0.1:{self.port}/call", data=body) as response:
                    return (await response.read()).splitlines()[-1]
        return None

    def context(self, caller):
        """TLS as the caller does it, who does not ask whom it talks to."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if caller.ca != "":
            context.load_cert_chain(*self._credentials(caller))
        return context

    def _credentials(self, caller):
        authority = self._cas[caller.ca] if caller.ca else certificates.create_authority("self")
        made = certificates.create_node_credentials(authority, caller.name)
        return self._file("it.pem", made.certificate), self._file("it.key", made.key)

    def _file(self, name, content):
        (self._root / name).write_bytes(content)
        return self._root / name


@contextmanager
def a_node(root):
    with asyncio.Runner() as runner:
        door = Door(root)
        runner.run(door.open())
        yield runner.run, door
        runner.run(door.close())


names = st.sampled_from([*CALLS]) | st.text(max_size=10)
fields = st.dictionaries(
    st.sampled_from(["guest", "name", "values", "revision", "files", "disk", "seconds", "calls", "batches"]),
    st.none() | st.integers() | st.text(max_size=10) | st.lists(st.integers(), max_size=2),
    max_size=3,
)
calls = st.builds(lambda name, more: {**more, "call": name}, names, fields) | st.text(max_size=10) | st.none()


def request_of(caller, call):
    return json.dumps({"term": caller.term, "caller": caller.says, "call": call}).encode()


@pytest.mark.parametrize("caller", STRANGERS, ids=str)
def test_nobody_but_the_master_of_the_term_is_obeyed(caller, tmp_path):
    with a_node(tmp_path) as (carry_out, door):
        context = door.context(caller)

        @BUDGET
        @given(calls.map(lambda call: request_of(caller, call)) | st.binary(max_size=50))
        def check(body):
            answer = carry_out(door.knock(context, body))
            assert answer is None or "error" in json.loads(answer)

        for name in CALLS.keys() - {TellStanding.wire_name()}:
            answer = carry_out(door.knock(context, request_of(caller, {"call": name})))
            assert answer is None or "error" in json.loads(answer), name
        check()
        assert [call for call in door.done if not isinstance(call, TellStanding)] == []
        assert read_term(door.term) == NOW


@pytest.mark.parametrize(
    "caller", [Caller("master", "cluster", "master", 5), Caller("candidate", "cluster", "candidate", 6)], ids=str
)
def test_the_master_of_the_term_and_a_candidate_with_a_newer_one_are_obeyed(caller, tmp_path):
    """Otherwise the other test could not fail."""
    with a_node(tmp_path) as (carry_out, door):
        carry_out(door.knock(door.context(caller), request_of(caller, {"call": Ping.wire_name()})))
        assert door.done == [Ping()]
        assert read_term(door.term) == Term(caller.term, caller.name)
