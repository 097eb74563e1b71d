# SPDX-License-Identifier: BSD-2-Clause
"""Host names and addresses."""

from __future__ import annotations

import ipaddress
import socket

from ganeti.errors import ResolverError


def resolve(name: str) -> tuple[str, str]:
    """(full name, address) of a host as this machine's resolver knows it.

    Raises ResolverError with what to do about it.
    """
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
    except OSError as error:
        raise ResolverError(
            f"The name '{name}' does not resolve ({error.strerror}); add it to the DNS or /etc/hosts"
        ) from None
    family, _, _, canonical, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    del family
    full = canonical if canonical and "." in canonical else name
    return full.lower(), str(address[0])


def is_address(text: str) -> bool:
    """Whether ``text`` is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def own_name() -> str:
    """This machine's name, fully qualified if it knows how."""
    return socket.getfqdn().lower()


def is_own_address(address: str) -> bool:
    """Whether this machine holds an address (binding to it works)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def answers(address: str, port: int, *, timeout: float = 2) -> bool:
    """Whether something accepts TCP connections at an address."""
    try:
        with socket.create_connection((address, port), timeout):
            return True
    except OSError:
        return False
