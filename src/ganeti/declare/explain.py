# SPDX-License-Identifier: BSD-2-Clause
"""Errors in values, explained to users."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from msgspec import Meta

from ganeti.declare.parameter import choices_of, refused_of
from ganeti.declare.text import meant, shortened

# Known names that are all listed, and how many of more than that.
MOST_KNOWN, _FEW = 20, 8

_AT = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "an object with keys and values",
    "null": "nothing",
}
_LENGTHS = {"a text": "characters", "a list": "items", "an object with keys and values": "keys"}


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a value: ``thing`` is "Disk 1", "Instance 1 (web1)" or empty.

    ``path``: the parameter in it, such as "minmax[0].min".
    """

    thing: str = ""
    path: str = ""

    def field(self, name: str) -> Place:
        name = shortened(name)
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int, noun: str = "", name: str = "") -> Place:
        """``noun``: what an item is called if it is an object, such as "Disk"; ``name``: its own name."""
        noun = noun or ("" if self.thing or self.path else "Item")
        if noun:
            called = f"{index} ({name})" if name else f"{index}"
            return Place(f"{self.thing}: {noun.lower()} {called}" if self.thing else f"{noun} {called}")
        return replace(self, path=f"{self.path}[{index}]")

    def within(self, path: str) -> Place:
        return replace(self, path=(self.path + path).removeprefix("."))

    def __str__(self) -> str:
        if not self.path:
            return self.thing
        return f"{self.thing}: parameter '{self.path}'" if self.thing else f"Parameter '{self.path}'"


def explained(message: str, hint: Any, place: Place, what: str) -> str:
    """Msgspec's message about a value of type ``hint``, as a sentence."""
    match = cast("re.Match[str]", _AT.fullmatch(message))
    where = str(place.within(match["path"] or "")) or what
    told = match["what"]
    if missing := re.fullmatch(r"Object missing required field `(.*)`", told):
        return f"{where}: parameter '{missing[1]}' is missing"
    if strange := re.fullmatch(r"Object contains unknown field `(.*)`", told):
        return f"{where}: there is no parameter '{shortened(strange[1])}'"
    if told.startswith("Invalid enum value") and (choices := choices_of(hint)):
        given = shortened(told.removeprefix("Invalid enum value ").strip("'\""))
        refused = refused_of(hint)
        allowed = ", ".join(str(choice) for choice in choices if choice not in ("", *refused))
        return f"{where}: '{given}' is not allowed; choose from {allowed}"
    if told.startswith("Expected `str` matching regex") and (wanted := _expected(hint)):
        return f"{where}: expected {wanted}"
    return f"{where}: {_in_words(told)}"


def unknown(name: str, known: Iterable[str], place: Place, what: str) -> str:
    """The error for an unknown parameter; suggests a similar one."""
    names = sorted(known)
    told = f"{place.thing or what}: there is no parameter '{place.field(name).path}'"
    if not names:
        return told
    return told + (meant(name, names) or f"; known are {_some(name, names)}")


def _some(given: str, names: Sequence[str]) -> str:
    """All of them, or of many those that are least unlike what was given."""
    if len(names) <= MOST_KNOWN:
        return ", ".join(names)
    import difflib  # noqa: PLC0415 - only when something is wrong

    near = difflib.get_close_matches(shortened(given), names, _FEW, cutoff=0.0)
    return f"{', '.join(sorted(near))} and {len(names) - len(near)} others"


def missing(name: str, place: Place, what: str, flags: Sequence[str] = ()) -> str:
    """``flags``: those of its command line option, if there is one."""
    told = f"{place.thing or what}: parameter '{place.field(name).path}' is missing"
    return f"{told} ({flags[0]})" if flags else told


def _expected(hint: Any) -> str:
    """The description of a constrained type anywhere in ``hint``."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra and "expected" in meta.extra:
            return str(meta.extra["expected"])
    parts = [getattr(hint, "__origin__", None), *getattr(hint, "__args__", ())]
    return next((found for part in parts if part is not None and part is not hint and (found := _expected(part))), "")


def _in_words(told: str) -> str:
    """``Expected `int` >= 1, got `str``` → ``expected a whole number of at least 1, not a text``."""
    told = re.sub(r"`([a-z | ]+)`", lambda m: " or ".join(_NAMES.get(n, n) for n in m[1].split(" | ")), told)
    told = re.sub(r"\AExpected (.*) of length (<=|>=) (\d+)\Z", _length, told)
    told = told.replace(" >= ", " of at least ").replace(" <= ", " of at most ").replace(", got ", ", not ")
    return told[:1].lower() + told[1:]


def _length(match: re.Match[str]) -> str:
    bound = "at most" if match[2] == "<=" else "at least"
    return f"expected {match[1]} with {bound} {match[3]} {_LENGTHS.get(match[1], 'items')}"
