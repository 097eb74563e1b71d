# SPDX-License-Identifier: BSD-2-Clause
"""Pools of user IDs, as ranges that do not overlap, in order; written ``4000-4019,5000`` as in gnt-cluster(8)."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.declare.text import parse_list, shortened
from ganeti.errors import WrongInput

Range = tuple[int, int]  # first and last
LARGEST_ID = 2**32 - 2  # the next one means "none" (chown(2))


def ordered(ranges: Iterable[Range], what: str) -> tuple[Range, ...]:
    """Ranges as a pool: adjacent ones joined. Raises WrongInput for an invalid one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        _ensure_sense(first, last, what)
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def without(pool: Iterable[Range], removed: Iterable[Range], what: str) -> tuple[Range, ...]:
    """A pool without some ranges. Raises WrongInput for a range that is not entirely in the pool."""
    left = list(pool)
    for first, last in ordered(removed, what):
        whole = next((one for one in left if one[0] <= first and last <= one[1]), None)
        if whole is None:
            raise WrongInput(
                f"{what}: {spelled([(first, last)])} is not in the pool, which is {spelled(left) or 'empty'}"
            )
        parts = [(whole[0], first - 1), (last + 1, whole[1])]
        left[left.index(whole) : left.index(whole) + 1] = [part for part in parts if part[0] <= part[1]]
    return tuple(left)


def spelled(pool: Iterable[Range], separator: str = ",") -> str:
    return separator.join(str(first) if first == last else f"{first}-{last}" for first, last in pool)


def parse_pool(text: str, where: str) -> list[Range]:
    """What ``spelled`` writes."""
    return [_parse_range(part, where) for part in parse_list(text)]


def _parse_range(part: str, where: str) -> Range:
    first, dash, last = part.strip().partition("-")
    if not (_is_id(first) and (_is_id(last) if dash else not last)):
        raise WrongInput(f"{where}: '{shortened(part)}' is not a range of user IDs; write 4000-4019, or one number")
    return int(first), int(last or first)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID))


def _ensure_sense(first: int, last: int, what: str) -> None:
    if not 1 <= first <= last <= LARGEST_ID:
        raise WrongInput(
            f"{what}: {first}-{last} is not a range of user IDs for guests: the first must not be behind the last, "
            f"and both must be from 1 (0 is root) to {LARGEST_ID}"
        )
