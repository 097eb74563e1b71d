# SPDX-License-Identifier: BSD-2-Clause
"""The address of a guest's card to the metadata daemon, by DHCP (RFC 2131)."""

import random

import pytest

from ganeti.daemons.metad.dhcp import LARGEST, answer
from ganeti.model.metadata import Connection

CARD = Connection("gnt.com.256", "169.254.1.0", "52:54:00:00:00:01")
MAC = bytes.fromhex("525400000001")
OWN, SERVER = bytes([169, 254, 1, 0]), bytes([169, 254, 169, 254])
DISCOVER, OFFER, REQUEST, ACK, NAK = b"\x01", b"\x02", b"\x03", b"\x05", b"\x06"


def message(*options, mac=MAC, operation=1, cookie=b"\x63\x82\x53\x63", address=bytes(4)):
    head = bytes([operation, 1, 6, 0]) + b"abcd" + bytes(2) + b"\x80\x00" + address + bytes(12) + mac + bytes(10)
    told = b"".join(bytes([code, len(value)]) + value for code, value in options)
    return head + bytes(192) + cookie + told + b"\xff"


def read(reply):
    options, rest = {}, reply[240:]
    while rest[0] != 255:
        options[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
    return reply[16:20], options


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ([(53, DISCOVER)], OFFER),
        ([(53, REQUEST), (50, OWN), (54, SERVER)], ACK),
        ([(12, b"web1"), (53, REQUEST), (50, OWN)], ACK),
    ],
)
def test_a_card_is_offered_and_given_its_own_address(asked, kind):
    reply = answer(message(*asked), CARD)
    address, options = read(reply)
    assert (reply[0], reply[4:8], reply[28:34]) == (2, b"abcd", MAC)
    assert (address, options[53], options[54], options[1]) == (OWN, kind, SERVER, bytes([255, 255, 0, 0]))
    assert 3 not in options, "no gateway"
    assert 6 not in options, "no name server"


def test_an_address_that_is_not_its_own_is_refused():
    address, options = read(answer(message((53, REQUEST), (50, bytes([169, 254, 1, 1]))), CARD))
    assert (address, options[53]) == (bytes(4), NAK)


def test_a_lease_is_renewed():
    assert read(answer(message((53, REQUEST), address=OWN), CARD))[1][53] == ACK


@pytest.mark.parametrize(
    "data",
    [
        b"",
        message((53, DISCOVER), mac=bytes.fromhex("525400000002")),
        message((53, DISCOVER), operation=2),
        message((53, DISCOVER), cookie=bytes(4)),
        message((53, REQUEST), (50, OWN), (54, bytes([192, 0, 2, 1]))),
        message((53, b"\x07")),
        message(),
        message((53, DISCOVER))[:239],
        message((53, DISCOVER)).ljust(LARGEST + 1, b"\0"),
    ],
)
def test_what_is_not_for_it_gets_no_answer(data):
    assert answer(data, CARD) is None


def test_whatever_a_guest_sends_is_survived():
    chance = random.Random(1)
    whole = message((53, DISCOVER), (50, OWN), (12, b"name"))
    for _ in range(2000):
        data = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for place in chance.sample(range(len(data)), min(3, len(data))):
            data[place] = chance.randrange(256)
        answer(bytes(data), CARD)
