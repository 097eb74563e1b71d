# SPDX-License-Identifier: BSD-2-Clause
"""The datagrams of ganeti-confd, as the Ganeti 2.1 design describes them."""

import hashlib
import hmac
import json

import pytest

from ganeti.daemons.confd.protocol import (
    CLOCK_DIFFERENCE,
    LARGEST_ANSWER,
    LARGEST_QUERY,
    Answer,
    Query,
    Status,
    asked,
    opened,
    sealed,
    told,
)

KEY = b"0123456789abcdef\n"
NOW = 1_249_637_704.5


def packet(message=None, salt="1249637704", key=KEY, magic=b"plj0", **changes):
    """By hand, as a program that knows the design makes it."""
    if message is None:
        message = json.dumps({"type": 1, "rsalt": "9aa6ce92", "protocol": 1, "query": "node1"} | changes) + "\n"
    signature = hmac.new(key, (salt + message).encode(), hashlib.sha1).hexdigest()
    return magic + json.dumps({"msg": message, "salt": salt, "hmac": signature}).encode()


def test_a_query_that_is_signed_and_new_is_opened():
    assert opened(packet(), KEY, NOW) == Query(1, "9aa6ce92", "node1")


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"plj0",
        b"plj0{}",
        b"plj0\xff\xfe",
        b'plj0{"msg": 1, "salt": 2, "hmac": 3}',
        packet(magic=b"plj1"),
        packet(key=b"another\n"),
        packet(key=KEY.strip()),
        packet(salt=str(int(NOW) - CLOCK_DIFFERENCE - 1)),
        packet(salt=str(int(NOW) + CLOCK_DIFFERENCE + 2)),
        packet(salt="now"),
        packet(salt="9" * 400),
        packet(salt="\u0661\u0662"),
        packet(message="no JSON"),
        packet(message='{"type": 1}'),
        packet(type="x"),
        packet(rsalt="x" * 257),
        packet(query="x" * LARGEST_QUERY),
        b'plj0{"msg":"\\ud800","salt":"1249637704","hmac":"x"}',
    ],
)
def test_everything_else_is_passed_over(given):
    assert opened(given, KEY, NOW) is None


def test_an_answer_is_what_the_design_says():
    made = sealed(Answer(Status.OK, ["10.0.0.1"], 42), "9aa6ce92", KEY)
    assert made[:4] == b"plj0"
    envelope = json.loads(made[4:])
    assert envelope.keys() == {"msg", "salt", "hmac"}
    assert envelope["salt"] == "9aa6ce92"
    assert json.loads(envelope["msg"]) == {"protocol": 1, "status": 0, "answer": ["10.0.0.1"], "serial": 42}
    signature = hmac.new(KEY, (envelope["salt"] + envelope["msg"]).encode(), hashlib.sha1).hexdigest()
    assert envelope["hmac"] == signature


def test_an_answer_that_fits_into_no_datagram_says_so():
    made = sealed(Answer(Status.OK, "x" * LARGEST_ANSWER), "salt", KEY)
    answer = told(made, "salt", KEY)
    assert len(made) < LARGEST_ANSWER
    assert (answer.status, answer.answer[:14]) == (Status.ERROR, "The answer has")


def test_who_asks_takes_only_the_answer_to_what_was_asked():
    query = Query(3, "mine")
    assert opened(asked(query, KEY, NOW), KEY, NOW) == query
    made = sealed(Answer(Status.OK, "node1", 7), "mine", KEY)
    assert told(made, "mine", KEY) == Answer(Status.OK, "node1", 7)
    assert [told(made, "yours", KEY), told(made, "mine", b"x"), told(b"plj0[]", "mine", KEY)] == [None] * 3
