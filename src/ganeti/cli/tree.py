# SPDX-License-Identifier: BSD-2-Clause
"""Nested descriptions, as ``info`` commands show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def render(value: Any, depth: int = 0) -> list[str]:
    """Lines: mappings and lists of pairs as ``key: value``, lists of other things with dashes."""
    return [line.rstrip() if line.strip() == "-" else line for line in _lines(value, depth)]


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        value = Pairs(*value.items())
    if isinstance(value, Pairs):
        for key, inner in value.items:
            yield from _entry(indent, key, inner, depth)
    else:
        for item in value:
            yield from _item(indent, item, depth)


class Pairs:
    """Keys with values, in this order; for lists whose items are of this shape."""

    def __init__(self, *items: tuple[str, Any]) -> None:
        self.items = items

    def __bool__(self) -> bool:
        return bool(self.items)


def _entry(indent: str, key: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping | Pairs | list | tuple):
        yield f"{indent}{key}: "
        yield from _lines(value, depth + 1)
    else:
        yield f"{indent}{key}: {value}"


def _item(indent: str, item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, Mapping | Pairs | list | tuple):
        first, *rest = list(_lines(item, 0)) or [""]
        yield f"{indent}- {first}"
        yield from (f"{indent}  {line}" for line in rest)
    else:
        yield f"{indent}- {item}"
    del depth


def with_defaults(own: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as they count, those that are inherited in the form ``default (value)``."""
    return {
        name: str(value) if name in own else f"default ({'' if value is None else value})"
        for name, value in sorted(filled.items())
    }
