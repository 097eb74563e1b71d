# SPDX-License-Identifier: BSD-2-Clause
"""A condition on the rows of a list, in its wire form.

That is a nested list: ``["&", ["=", "name", "web1"], ["?", "master"]]``; operators are those of the
"Ganeti query2" design document. ``ganeti.query.language`` parses what users type.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ganeti.declare.text import shortened
from ganeti.declare.types import MOST_NAMES
from ganeti.errors import WrongInput
from ganeti.query.pattern import Matches, Patterns

Getter = Callable[[str], Callable[[Any], Any]]
Test = Callable[[Any], bool]
Meant = Callable[[str, Any], Any]
# A part of a filter: with a getter it becomes a test.
_Part = Callable[[Getter], Test]

DEEPEST = 32  # nested filters
MOST_TESTS = 500  # conditions, not counting alternatives of names

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=[]": lambda found, value: value in (found or ()),
}


class Filter:
    """A condition on rows. Raises WrongInput for a wire form that is invalid or exceeds limits."""

    def __init__(self, wire: Any, meant: Meant = lambda _, value: value) -> None:
        """``meant``: expands a value with which a field is compared, such as a short name to the full one."""
        reading = _Reading(meant)
        self._part = reading.read(wire)
        self.fields = frozenset(reading.fields)

    def bind(self, getter: Getter) -> Test:
        """The condition as a function of a row; ``getter`` returns a function that reads a field."""
        return self._part(getter)

    def order(self, name: str, getter: Getter) -> Callable[[Any], int] | None:
        """A sort key for the order in which the filter lists names, if that is all it does.

        ``name`` is the field of the names.
        """
        choice = self._part
        if not isinstance(choice, _Choice) or choice.name != name:
            return None
        get = getter(name)
        return lambda row: choice.place(get(row)) or 0


def accept_all(row: Any) -> bool:
    del row
    return True


def names_filter(names: Sequence[str], field: str = "name") -> list[Any] | None:
    """The wire form of "one of these names", which may contain ``*`` and ``?``; None for no names."""
    if not names:
        return None
    return ["|", *(["=*", field, name] if set(name) & set("*?") else ["=", field, name] for name in names)]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Several alternative values of a field, as in ``["|", ["=", "name", "web1"], ...]``.

    Looked up, not compared one by one. Each has its place in the order in which they were given, from 0.
    """

    name: str
    values: dict[Any, int] = field(default_factory=dict)
    patterns: list[tuple[int, Matches]] = field(default_factory=list)

    def place(self, found: Any) -> int | None:
        places = [place for place, matches in self.patterns if found is not None and matches(str(found))]
        with suppress(TypeError):  # a list, or the like, equals none of these
            if found in self.values:
                places.append(self.values[found])
        return min(places, default=None)

    def __call__(self, getter: Getter) -> Test:
        get = getter(self.name)
        return lambda row: self.place(get(row)) is not None


class _Reading:
    """One walk through a wire form."""

    def __init__(self, meant: Meant) -> None:
        self._meant = meant
        self.fields: set[str] = set()
        self._tests = 0
        self._names = 0
        self._patterns = Patterns("The filter")

    def read(self, wire: Any, depth: int = 0) -> _Part:
        if depth == DEEPEST:
            raise WrongInput(f"The filter has more than {DEEPEST} filters in one another")
        self._tests += 1
        if self._tests > MOST_TESTS:
            raise WrongInput(f"The filter has more than {MOST_TESTS} conditions")
        match wire:
            case ["&", *parts]:
                return _joined(all, [self.read(part, depth + 1) for part in parts])
            case ["|", *parts]:
                return self._either(parts, depth + 1)
            case ["!", part]:
                return _negated(self.read(part, depth + 1))
            case ["?", str() as name]:
                return _tested(self._looked_at(name), bool)
            case ["=*", str(), str()]:
                return self._either([wire], depth)
            case ["=~", str() as name, str() as expression]:
                return _tested(self._looked_at(name), _present(self._patterns.searching(expression)))
            case [str() as sign, str() as name, value] if sign in _COMPARISONS:
                return _tested(self._looked_at(name), _compared(_COMPARISONS[sign], self._meant(name, value)))
        raise WrongInput(f"The filter {shortened(repr(wire))} is not valid")

    def _either(self, parts: Sequence[Any], depth: int) -> _Part:
        choices: dict[str, _Choice] = {}
        others: list[_Part] = []
        for place, part in enumerate(parts):
            match part:
                case ["=" | "==", str() as name, (str() | int()) as value]:
                    self._choice(choices, name).values.setdefault(self._meant(name, value), place)
                case ["=*", str() as name, str() as pattern]:
                    self._choice(choices, name).patterns.append((place, self._patterns.globbing(pattern)))
                case _:
                    others.append(self.read(part, depth))
        if len(choices) == 1 and not others:
            return next(iter(choices.values()))
        return _joined(any, [*choices.values(), *others])

    def _choice(self, choices: dict[str, _Choice], name: str) -> _Choice:
        self._names += 1
        if self._names > MOST_NAMES:
            raise WrongInput(f"The filter names more than {MOST_NAMES} values")
        if name not in choices:
            choices[name] = _Choice(self._looked_at(name))
        return choices[name]

    def _looked_at(self, name: str) -> str:
        self.fields.add(name)
        return name


def _joined(how: Callable[[Iterable[bool]], bool], parts: Sequence[_Part]) -> _Part:
    def bound(getter: Getter) -> Test:
        tests = [part(getter) for part in parts]
        return lambda row: how(test(row) for test in tests)

    return bound


def _negated(part: _Part) -> _Part:
    def bound(getter: Getter) -> Test:
        test = part(getter)
        return lambda row: not test(row)

    return bound


def _tested(name: str, accepts: Callable[[Any], bool]) -> _Part:
    def bound(getter: Getter) -> Test:
        get = getter(name)
        return lambda row: accepts(get(row))

    return bound


def _present(matches: Matches) -> Callable[[Any], bool]:
    return lambda found: found is not None and matches(str(found))


def _compared(compare: Callable[[Any, Any], bool], value: Any) -> Callable[[Any], bool]:
    def accepts(found: Any) -> bool:
        try:
            return compare(found, value)
        except TypeError:
            return False  # a missing value is neither smaller nor greater

    return accepts
