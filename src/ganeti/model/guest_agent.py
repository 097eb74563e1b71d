# SPDX-License-Identifier: BSD-2-Clause
"""What a guest says of itself through its agent. Whoever rules the guest chooses the words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from itertools import islice, starmap

from msgspec import Struct

from ganeti.model.printable import printable

MOST_INTERFACES = 32
MOST_ADDRESSES = 32  # of each
_MOST_READ = 2 * MOST_ADDRESSES  # of each, with what is no address: to read it takes time
_MOST_READ_IN_ALL = _MOST_READ * MOST_INTERFACES
MOST_OUTPUT = 65_536  # characters of each stream of a command in a guest
_LONGEST_NAME = 64  # characters
_LINK_LOCAL = ("fe80:", "169.254.")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")


class Interface(Struct, frozen=True):
    """A network interface, as the guest calls it; ``addresses`` with the length of their prefix: 192.0.2.7/24."""

    name: str
    mac: str = ""
    addresses: tuple[str, ...] = ()


class GuestAddresses(Struct, frozen=True):
    """Of one guest, by its UUID; ``problem``: why they are not known. Loopback interfaces are left out."""

    uuid: str
    interfaces: tuple[Interface, ...] = ()
    problem: str = ""

    @property
    def addresses(self) -> list[str]:
        """Those by which it can be reached from elsewhere, without their prefixes."""
        found = (one.partition("/")[0] for interface in self.interfaces for one in interface.addresses)
        return [one for one in found if not one.startswith(_LINK_LOCAL)]


class Executed(Struct, frozen=True):
    """How a command in a guest ended: its exit status, or on Unix the signal that killed it.

    ``output`` and ``errors`` are what it wrote; ``cut``: whether that was more than MOST_OUTPUT.
    """

    status: int | None
    signal: int | None = None
    output: str = ""
    errors: str = ""
    cut: bool = False


def interfaces_of(told: Iterable[tuple[str, str, Iterable[tuple[str, int]]]]) -> tuple[Interface, ...]:
    """From names, MAC addresses, and addresses with their prefixes, in any words; what is none of these is left out."""
    found: list[Interface] = []
    left = _MOST_READ_IN_ALL
    for name, mac, addresses in told:
        if len(found) == MOST_INTERFACES or not left:
            break
        read = list(islice(addresses, min(_MOST_READ, left)))
        left -= len(read)
        valid = list(islice(filter(None, starmap(_address, read)), MOST_ADDRESSES))
        if valid:
            known = mac.lower() if _MAC.fullmatch(mac.lower()) else ""
            found.append(Interface(printable(name, _LONGEST_NAME), known, tuple(valid)))
    return tuple(found)


def _address(text: str, prefix: int) -> str:
    """Empty for what is none, or leads back to the guest itself."""
    try:
        found = ipaddress.ip_interface(f"{text.partition('%')[0]}/{prefix}")
    except ValueError:
        return ""
    return "" if found.ip.is_loopback or found.ip.is_unspecified else str(found)
