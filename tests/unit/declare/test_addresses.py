# SPDX-License-Identifier: BSD-2-Clause
"""Addresses where they come in: of machines and of network cards."""

import msgspec
import pytest

from ganeti.declare.types import IpAddress, MacRequest


@pytest.mark.parametrize("address", ["192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1", "::ffff:1.2.3.4"])
def test_an_address_is_taken(address):
    assert msgspec.convert(address, IpAddress) == address


@pytest.mark.parametrize("address", ["300.1.1.1", "1.2.3", "1.2.3.4.5", "node1", "", "192.0.2.1\n", "1.2.3.04x", "::g"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(address, IpAddress)


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "01:00:5e:00:00:01", "aa:00:00:12:34:56\n", "aa:00:00:12:34"])
def test_what_no_card_can_have_is_refused(mac):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(mac, MacRequest)


def test_the_address_of_a_card_is_taken():
    assert msgspec.convert("00:00:00:00:00:01", MacRequest) == "00:00:00:00:00:01"
