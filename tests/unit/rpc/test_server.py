# SPDX-License-Identifier: BSD-2-Clause
"""Who may ask what of a node."""

import msgspec
import pytest

from ganeti.errors import ExecutionFailed, NodeRefused, StaleTerm, decode
from ganeti.rpc import server
from ganeti.rpc.authority import Authority, Term, read_term
from ganeti.rpc.call import encode_call, encode_request, line_decoder
from ganeti.rpc.contract.node import Ping, Pong, Standing, TellStanding
from ganeti.rpc.server import Dispatcher
from ganeti.rpc.transport import Peer


@pytest.fixture
def ask(path):
    """Send a call in the name of a node; the result, or the error is raised."""

    async def standing(call, report):
        return Standing(3, "node1", 17)

    async def ping(call, report):
        return Pong("node1", "4", 0.0)

    authority = Authority(path, lambda: dict.fromkeys(("node1", "node2"), ""))
    dispatcher = Dispatcher({TellStanding: standing, Ping: ping}, authority)

    async def asked(caller, term, call):
        async def send(line):
            pytest.fail(f"nothing is to be said meanwhile: {line}")

        request = encode_request(encode_call(call), term, caller)
        line = line_decoder.decode(await dispatcher.answer(Peer(caller, ""), request, send))
        if line.error is not None:
            raise decode(line.error)
        return msgspec.json.decode(line.result)

    return asked


async def test_every_candidate_may_ask_for_the_standing_whatever_the_term_and_becomes_nothing_by_it(ask, path):
    for term in (0, 3, 9):
        assert (await ask("node2", term, TellStanding()))["revision"] == 17
    assert read_term(path) == Term(3, "node1")


async def test_others_may_not_ask(ask):
    with pytest.raises(NodeRefused, match="not a master candidate"):
        await ask("node9", 3, TellStanding())


async def test_all_else_is_for_the_master_of_the_term(ask, path):
    with pytest.raises(NodeRefused, match="'node2' is not the master"):
        await ask("node2", 3, Ping())
    with pytest.raises(StaleTerm):
        await ask("node2", 2, Ping())
    assert (await ask("node2", 4, Ping()))["name"] == "node1"
    assert read_term(path) == Term(4, "node2")


async def test_what_a_caller_does_not_read_does_not_pile_up(monkeypatch):
    monkeypatch.setattr(server, "MOST_LINES", 2)
    report = server.Report()
    for number in range(3):
        report.log(f"line {number}")
        report.progress(number, 3, "MiB")
    assert [line.log for line in report.drain() if line.log] == ["line 0"]
    for _ in range(2):
        report.event(Ping())
    with pytest.raises(ExecutionFailed, match="does not read the events"):
        report.event(Ping())
