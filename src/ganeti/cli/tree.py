# SPDX-License-Identifier: BSD-2-Clause
"""Nested descriptions, as shown by ``info`` commands: YAML, though also suitable for grep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# What a plain scalar in YAML must not have (YAML 1.2, "Plain Style"): an indicator or a blank at its beginning, a blank
# or a colon at its end, the start of a value or a comment; in brackets also separators and closing brackets.
_NOT_PLAIN = re.compile(r"""\A[\s,\[\]{}#&*!|>'"%@`]|\A[-?:](\s|\Z)|\A(---|\.\.\.)|:\s|\s\#|[\s:]\Z""")
_NOT_INSIDE = re.compile(r"[,\[\]{}]")


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


class Flow:
    """A short list, in brackets on one line."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __str__(self) -> str:
        return f"[{', '.join(scalar(item, inside=True) for item in self._items)}]"


class Pairs:
    """Ordered keys with values; for lists whose items have this shape."""

    def __init__(self, *items: tuple[str, Any]) -> None:
        self.items = items

    def __bool__(self) -> bool:
        return bool(self.items)


def _entry(indent: str, key: str, value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping | Pairs | list | tuple):
        yield f"{indent}{scalar(key)}: "
        yield from _lines(value, depth + 1)
    else:
        yield f"{indent}{scalar(key)}: {scalar(value)}"


def _item(indent: str, item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, Mapping | Pairs | list | tuple):
        first, *rest = list(_lines(item, 0)) or [""]
        yield f"{indent}- {first}"
        yield from (f"{indent}  {line}" for line in rest)
    else:
        yield f"{indent}- {scalar(item)}"
    del depth


def scalar(value: Any, *, inside: bool = False) -> str:
    """A value as it is, or in quotes if YAML would misinterpret it; ``inside``: within brackets."""
    text = str(value)
    clear = text.isprintable() and not _NOT_PLAIN.search(text) and not (inside and _NOT_INSIDE.search(text))
    return text if clear or isinstance(value, Flow) else f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def with_defaults(own: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, str]:
    """Effective parameters, with inherited ones as ``default (value)``."""
    return {
        name: str(value) if name in own else f"default ({'' if value is None else value})"
        for name, value in sorted(filled.items())
    }
