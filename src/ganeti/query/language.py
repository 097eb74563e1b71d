# SPDX-License-Identifier: BSD-2-Clause
"""The filter language for users (ganeti(7), "Query filters")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ganeti.declare.types import LONGEST_TEXT
from ganeti.errors import WrongInput
from ganeti.query.filter import DEEPEST

_KEYWORDS = frozenset({"and", "or", "not", "in"})
_MOST_DIGITS = 18
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<regex>m(?P<mark>[/\#^|])(?P<body>(?:\\.|(?!(?P=mark))[^\\])*)(?P=mark)(?P<modifiers>[is]*))
      | (?P<number>-?[0-9]+)
      | (?P<operator>==|!=|<=|>=|=~|!~|=\*|!\*|<|>|\(|\)|=)
      | (?P<word>[A-Za-z_][A-Za-z0-9_./-]*)
    )""",
    re.VERBOSE,
)


def parse(text: str) -> list[Any]:
    """``pinst_cnt > 0 and not master`` in its wire form. Raises WrongInput with the position of the error."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over the tokens; "and" binds more tightly than "or", as in Python."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._index = 0
        self._depth = 0

    def parse(self) -> list[Any]:
        wire = self._either()
        if self._kind() != "end":
            raise self._error("expected 'and', 'or' or the end")
        return wire

    def _split(self, text: str) -> list[tuple[str, Any, int]]:
        if len(text) > LONGEST_TEXT:
            raise WrongInput(f"The filter has {len(text)} characters; at most {LONGEST_TEXT} are allowed")
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
            start = match.end() - len(match[kind])
            if kind == "number" and len(match[kind]) > _MOST_DIGITS:
                raise WrongInput(_pointed(text, start, "this number is too large"))
            tokens.append((kind, _value(kind, match), start))
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
            with self._deeper():
                return ["!", self._negated()]
        if self._kind() == "operator" and self._peek() == "(":
            self._next()
            with self._deeper():
                inner = self._either()
            if self._peek() != ")":
                raise self._error("expected ')'")
            self._next()
            return inner
        return self._condition()

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth == DEEPEST:
            raise self._error(f"at most {DEEPEST} filters can stand in one another")
        yield
        self._depth -= 1

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
        if sign == "=":
            self._index -= 1
            raise self._error("expected '==' for a comparison")
        if self._kind() not in wanted:
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
