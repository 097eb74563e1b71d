# SPDX-License-Identifier: BSD-2-Clause
"""ganeti-confd on its sockets, and how much of it answers."""

import asyncio
import socket

import pytest

from ganeti.config.following import Followed
from ganeti.daemons.confd.answers import Answers
from ganeti.daemons.confd.client import ConfdClient
from ganeti.daemons.confd.protocol import Query, QueryType, asked, told
from ganeti.daemons.confd.rates import MOST_ANSWERS, MOST_BYTES_OF_ADDRESS, Rates
from ganeti.daemons.confd.server import Responder, Server, signing_key
from ganeti.errors import EnvironmentUnfit, NodeUnreachable
from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from tests.cluster.world import first_state

STATE = first_state()
KEY = signing_key(STATE.cluster.confd_key)


class Clock:
    def now(self):
        return 1000.0


def responder(answers):
    return Responder(lambda: answers, Rates(), Clock())


def test_a_query_that_is_signed_is_answered_and_no_other():
    serving = responder(Answers(Followed(STATE, 5)))
    answer = serving.answer(asked(Query(QueryType.MASTER, "salt"), KEY, 1000), "10.0.0.9")
    assert told(answer, "salt", KEY).answer == "node1"
    assert serving.answer(asked(Query(QueryType.MASTER, "salt"), b"wrong", 1000), "10.0.0.9") is None
    assert serving.answer(b"x" * 10, "10.0.0.9") is None


def test_without_a_state_or_a_key_nothing_is_answered():
    query = asked(Query(QueryType.PING, "salt"), b"\n", 1000)
    assert responder(None).answer(query, "10.0.0.9") is None
    keyless = first_state(confd_key="")
    assert responder(Answers(Followed(keyless, 1))).answer(query, "10.0.0.9") is None
    assert responder(Answers(Followed(keyless, 1))).answer(asked(Query(0, "salt"), b"", 1000), "10.0.0.9") is None


def test_what_one_address_gets_in_a_second_is_limited():
    rates = Rates()
    assert rates.allow("10.0.0.1", MOST_BYTES_OF_ADDRESS, 7.1)
    assert not rates.allow("10.0.0.1", 1, 7.9)
    assert rates.allow("10.0.0.2", 1, 7.9)
    assert rates.allow("10.0.0.1", 1, 8.0)


def test_what_all_get_in_a_second_is_limited():
    rates = Rates()
    given = [rates.allow(f"10.0.{number // 250}.{number % 250}", 1, 7.0) for number in range(MOST_ANSWERS + 1)]
    assert given == [True] * MOST_ANSWERS + [False]


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    made.state.mkdir(parents=True)
    made.confd_key.write_bytes(KEY)
    made.ssconf("master_candidates_ips").write_text("127.0.0.2\n127.0.0.1\n")
    return made


async def in_thread(client, *query):
    return await asyncio.to_thread(client.ask, *query)


async def test_a_client_gets_its_answer_over_the_network(paths, port):
    serving = Server(lambda: Answers(Followed(STATE, 5)), WallClock())
    await serving.open(port)
    try:
        client = ConfdClient(paths, port)
        assert await in_thread(client, QueryType.MASTER) == "node1"
        with pytest.raises(EnvironmentUnfit, match="no answer: Node 'x' not known"):
            await in_thread(client, QueryType.NODE_ROLE, "x")
    finally:
        serving.close()


def test_a_client_says_that_nobody_answers(paths, port):
    with pytest.raises(NodeUnreachable, match=r"at 127\.0\.0\.2, 127\.0\.0\.1"):
        ConfdClient(paths, port).ask(QueryType.PING)


def test_a_client_without_a_key_says_so(paths, port):
    paths.confd_key.unlink()
    with pytest.raises(EnvironmentUnfit, match=r"hmac\.key"):
        ConfdClient(paths, port).ask(QueryType.PING)
