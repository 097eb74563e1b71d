# SPDX-License-Identifier: BSD-2-Clause
"""The filter language of lists (ganeti(7), "Query filters"), and its form on the wire.

On the wire a filter is a nested list: ``["&", ["=", "name", "web1"], ["?", "master"]]``; operators are
those of the "Ganeti query2" design document.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganeti.errors import WrongInput

Getter = Callable[[str], Callable[[Any], Any]]
Test = Callable[[Any], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KEYWORDS = frozenset({"and", "or", "not", "in"})
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<regex>m(?P<mark>[/\#^|])(?P<body>(?:\\.|(?!(?P=mark)).)*)(?P=mark)(?P<modifiers>[is]*))
      | (?P<number>-?[0-9]+)
      | (?P<operator>==|!=|<=|>=|=~|!~|=\*|!\*|<|>|\(|\)|=)
      | (?P<word>[A-Za-z_][A-Za-z0-9_./-]*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on rows, in its wire form."""

    wire: list[Any]

    @property
    def fields(self) -> set[str]:
        """The names of the fields it looks at."""
        return set(_fields(self.wire))

    def bind(self, getter: Getter) -> Test:
        """The condition as a function. Raises WrongInput if the wire form makes no sense."""
        return _bind(self.wire, getter)


def accept_all(row: Any) -> bool:
    del row
    return True


def names_filter(names: Sequence[str], field: str = "name") -> list[Any] | None:
    """The wire form of "one of these names", which may hold ``*`` and ``?``; None for no names."""
    if not names:
        return None
    return ["|", *(["=*", field, name] if set(name) & set("*?") else ["=", field, name] for name in names)]


def parse(text: str) -> list[Any]:
    """``pinst_cnt > 0 and not master`` in its wire form. Raises WrongInput with the place of the error."""
    return _Parser(text).parse()


def _fields(wire: list[Any]) -> list[str]:
    if wire[0] in ("&", "|", "!"):
        return [name for part in wire[1:] for name in _fields(part)]
    return [wire[1]]


def _bind(wire: Any, getter: Getter) -> Test:
    match wire:
        case ["&", *parts]:
            tests = [_bind(part, getter) for part in parts]
            return lambda row: all(test(row) for test in tests)
        case ["|", *parts]:
            tests = [_bind(part, getter) for part in parts]
            return lambda row: any(test(row) for test in tests)
        case ["!", part]:
            test = _bind(part, getter)
            return lambda row: not test(row)
        case ["?", str() as field]:
            get = getter(field)
            return lambda row: bool(get(row))
        case [str() as sign, str() as field, value] if sign in _COMPARISONS:
            return _comparison(_COMPARISONS[sign], getter(field), value)
        case ["=~", str() as field, str() as pattern]:
            return _search(_compiled(pattern), getter(field))
        case ["=*", str() as field, str() as pattern]:
            return _search(_compiled(_glob(pattern)), getter(field))
        case ["=[]", str() as field, value]:
            get = getter(field)
            return lambda row: value in (get(row) or ())
    raise WrongInput(f"The filter {wire!r} is not valid")


def _comparison(compare: Callable[[Any, Any], bool], get: Callable[[Any], Any], value: Any) -> Test:
    def test(row: Any) -> bool:
        found = get(row)
        try:
            return compare(found, value)
        except TypeError:
            return False  # a missing value is neither smaller nor greater

    return test


def _search(pattern: re.Pattern[str], get: Callable[[Any], Any]) -> Test:
    return lambda row: (found := get(row)) is not None and pattern.search(str(found)) is not None


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise WrongInput(f"The filter's regular expression '{pattern}' is wrong: {error}") from None


def _glob(pattern: str) -> str:
    """Only ``*`` and ``?`` have a meaning."""
    return fnmatch.translate(pattern.replace("[", "[[]"))


class _Parser:
    """Recursive descent over the tokens; "and" binds as strongly as "or" does weakly, as in Python."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._index = 0

    def parse(self) -> list[Any]:
        wire = self._either()
        if self._kind() != "end":
            raise self._error("expected 'and', 'or' or the end")
        return wire

    def _split(self, text: str) -> list[tuple[str, Any, int]]:
        tokens: list[tuple[str, Any, int]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if not match:
                raise WrongInput(_pointed(text, place, "this cannot be read"))
            kind = match.lastgroup or ""
            for name in ("text", "regex", "number", "operator", "word"):
                if match[name] is not None:
                    kind = name
            tokens.append((kind, _value(kind, match), match.end() - len(match[kind])))
            place = match.end()
        return [*tokens, ("end", "", len(text))]

    def _kind(self) -> str:
        return self._tokens[self._index][0]

    def _peek(self) -> Any:
        return self._tokens[self._index][1]

    def _next(self) -> Any:
        value = self._peek()
        self._index += 1
        return value

    def _error(self, what: str) -> WrongInput:
        return WrongInput(_pointed(self._text, self._tokens[self._index][2], what))

    def _either(self) -> list[Any]:
        parts = [self._both()]
        while self._kind() == "word" and self._peek() == "or":
            self._next()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else ["|", *parts]

    def _both(self) -> list[Any]:
        parts = [self._negated()]
        while self._kind() == "word" and self._peek() == "and":
            self._next()
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else ["&", *parts]

    def _negated(self) -> list[Any]:
        if self._kind() == "word" and self._peek() == "not":
            self._next()
            return ["!", self._negated()]
        if self._kind() == "operator" and self._peek() == "(":
            self._next()
            inner = self._either()
            if self._next() != ")":
                self._index -= 1
                raise self._error("expected ')'")
            return inner
        return self._condition()

    def _condition(self) -> list[Any]:
        if self._kind() in ("text", "number"):
            return self._membership(self._next())
        if self._kind() != "word" or self._peek() in _KEYWORDS:
            raise self._error("expected the name of a field or a value")
        field = self._next()
        if self._kind() != "operator" or self._peek() in ("(", ")"):
            return ["?", field]
        sign = self._next()
        wanted = {"=~": ("regex",), "!~": ("regex",), "=*": ("text",), "!*": ("text",)}.get(sign, ("text", "number"))
        if self._kind() not in wanted or sign == "=":
            names = {
                "regex": "a regular expression such as m/.../",
                "text": "a quoted text",
                "number": "a number",
            }
            raise self._error(f"expected {' or '.join(names[kind] for kind in wanted)}")
        value = self._next()
        if sign in ("!~", "!*"):
            return ["!", ["=" + sign[1], field, value]]
        return [sign if sign != "==" else "=", field, value]

    def _membership(self, value: Any) -> list[Any]:
        negated = self._kind() == "word" and self._peek() == "not"
        if negated:
            self._next()
        if self._kind() != "word" or self._peek() != "in":
            raise self._error("expected 'in' or 'not in' after a value")
        self._next()
        if self._kind() != "word":
            raise self._error("expected the name of a field")
        wire = ["=[]", self._next(), value]
        return ["!", wire] if negated else wire


def _value(kind: str, match: re.Match[str]) -> Any:
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", match[kind][1:-1])
    if kind == "regex":
        modifiers = f"(?{match['modifiers']})" if match["modifiers"] else ""
        return modifiers + match["body"].replace("\\" + match["mark"], match["mark"])
    return int(match[kind]) if kind == "number" else match[kind]


def _pointed(text: str, place: int, what: str) -> str:
    return f"The filter cannot be understood, {what}:\n{text}\n{' ' * place}^"
