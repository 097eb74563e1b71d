# SPDX-License-Identifier: BSD-2-Clause
"""Names and addresses, by a resolver that is told what to say."""

import socket

import pytest

from ganeti.errors import ResolverError
from ganeti.host.addresses import is_address, longest_prefix, resolve

FOUR, SIX = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def resolver(monkeypatch):
    """Set to (family, canonical name, address) of each entry; only the first has a canonical name."""
    entries = []

    def getaddrinfo(name, port, **options):
        if not entries:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, socket.SOCK_STREAM, 6, canonical, (address, 0)) for family, canonical, address in entries]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return entries


def test_a_name_with_addresses_of_both_versions_keeps_its_domain(resolver):
    resolver += [(SIX, "node1.example.com", "2001:db8::1"), (FOUR, "", "192.0.2.1")]
    assert resolve("node1") == ("node1.example.com", "192.0.2.1")
    assert resolve("node1", 4) == ("node1.example.com", "192.0.2.1")
    assert resolve("node1", 6) == ("node1.example.com", "2001:db8::1")


def test_a_name_without_an_address_of_the_version_that_is_needed_is_refused(resolver):
    resolver += [(FOUR, "node1.example.com", "192.0.2.1")]
    with pytest.raises(ResolverError, match="has no IPv6 address"):
        resolve("node1", 6)


def test_a_name_that_nobody_knows_is_refused(resolver):
    with pytest.raises(ResolverError, match="'nosuch' has no address"):
        resolve("nosuch")


def test_a_canonical_name_without_a_domain_says_nothing_new(resolver):
    resolver += [(FOUR, "localhost", "192.0.2.1")]
    assert resolve("Node1") == ("node1", "192.0.2.1")


def test_addresses_are_told_from_names():
    assert [is_address(text) for text in ("192.0.2.1", "2001:db8::1", "node1", "1")] == [True, True, False, False]


def test_the_prefix_of_a_single_address_is_as_long_as_the_address():
    assert (longest_prefix("192.0.2.1"), longest_prefix("2001:db8::1")) == (32, 128)
