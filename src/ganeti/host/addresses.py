# SPDX-License-Identifier: BSD-2-Clause
"""Host names and addresses."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from ganeti.errors import ResolverError

_ANSWER = 1.0  # seconds for a machine to accept a connection
# Family, type, protocol, canonical name, and socket address (getaddrinfo(3)).
_Entry = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


def resolve(name: str, version: int | None = None) -> tuple[str, str]:
    """(full name, address) of a host, from this machine's resolver.

    ``version``: 4 or 6 if the address must be of that IP version; otherwise IPv4 is preferred. Raises
    ResolverError with what to do about it.
    """
    found = _looked_up(name)
    addresses = [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]
    fitting = [one for one in addresses if version in (None, ipaddress.ip_address(one.partition("%")[0]).version)]
    if not fitting:
        raise ResolverError(f"The name '{name}' has no IPv{version} address; add one to the DNS or /etc/hosts")
    # Only one of the entries has the canonical name, and it may be one of the other IP version.
    canonical = next((entry[3] for entry in found if "." in entry[3]), name)
    return canonical.lower(), fitting[0]


def all_addresses(name: str) -> list[str]:
    """All addresses of a host, from this machine's resolver. Raises ResolverError."""
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in _looked_up(name)))


def _looked_up(name: str) -> Sequence[_Entry]:
    try:
        return socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except OSError as error:
        raise ResolverError(
            f"The name '{name}' has no address ({error.strerror}); add it to the DNS or /etc/hosts"
        ) from None


def is_address(text: str) -> bool:
    """Whether ``text`` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def longest_prefix(address: str) -> int:
    """The prefix length of a single address: 32 bits for IPv4, 128 for IPv6."""
    return ipaddress.ip_address(address).max_prefixlen


def interfaces() -> list[str]:
    """The names of this machine's network interfaces."""
    return sorted(name for _, name in socket.if_nameindex())


def own_name() -> str:
    """This machine's name, fully qualified if possible."""
    return socket.getfqdn().lower()


def is_own_address(address: str) -> bool:
    """Whether this machine has an address (binding to it works)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def answers(address: str, port: int) -> bool:
    """Whether something accepts TCP connections at an address."""
    try:
        with socket.create_connection((address, port), _ANSWER):
            return True
    except OSError:
        return False
