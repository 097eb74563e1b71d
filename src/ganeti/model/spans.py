# SPDX-License-Identifier: BSD-2-Clause
"""Sets of IPv4 addresses: as numbers, and as strings such as ``192.0.2.7`` and ``192.0.2.7-192.0.2.19``."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address


def bounds(span: str) -> tuple[int, int]:
    """The first and the last address of a range, which may be the wrong way round, or of one address."""
    first, _, last = span.partition("-")
    return int(IPv4Address(first)), int(IPv4Address(last or first))


def numbers_of(spans: Iterable[str]) -> frozenset[int]:
    return frozenset(number for span in spans for number in _whole(span))


def spans_of(numbers: Iterable[int]) -> tuple[str, ...]:
    """As few strings as possible, in order."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return tuple(_span(first, last) for first, last in runs)


def address_of(number: int) -> str:
    return str(IPv4Address(number))


def _span(first: int, last: int) -> str:
    return address_of(first) if first == last else f"{address_of(first)}-{address_of(last)}"


def _whole(span: str) -> range:
    first, last = bounds(span)
    return range(first, last + 1)
