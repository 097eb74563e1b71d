# SPDX-License-Identifier: BSD-2-Clause
"""From untyped input to typed values, with errors that a person can act on."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from ganeti.declare import text
from ganeti.declare.parameter import Parameter, parameters_of
from ganeti.errors import WrongInput

T = TypeVar("T")

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
    "object": "an object with keys and values",
    "null": "nothing",
}


def decode(value: Any, cls: type[T], what: str) -> T:
    """``value`` (of plain JSON types) as a ``cls``.

    Raises WrongInput that names the parameter, what was expected and, for closed lists, what is
    allowed. ``what`` says whose parameters these are: "OP_INSTANCE_CREATE".
    """
    try:
        decoded = msgspec.convert(value, cls)
    except msgspec.ValidationError as error:
        raise WrongInput(explain(str(error), cls, what)) from None
    _refuse_unsupported(decoded)
    return decoded


def _refuse_unsupported(decoded: Any) -> None:
    refused = [
        name
        for name, parameter in _parameters(type(decoded)).items()
        if parameter.unsupported and getattr(decoded, name) != parameter.default
    ]
    if refused:
        named = ", ".join(f"'{name}'" for name in refused)
        raise WrongInput(f"Parameter{'s' if len(refused) > 1 else ''} {named}: not supported yet")


def explain(message: str, cls: type[Any], what: str) -> str:
    """Msgspec's message in words for people."""
    match = cast("re.Match[str]", _AT.match(message))
    path = (match["path"] or "").removeprefix("$").removeprefix(".")
    told = match["what"]
    if missing := re.match(r"Object missing required field `(.*)`", told):
        return f"{what}: parameter '{_join(path, missing[1])}' is missing"
    if unknown := re.match(r"Object contains unknown field `(.*)`", told):
        return f"{what}: there is no parameter '{_join(path, unknown[1])}'{_allowed_names(cls, path)}"
    top = _parameters(cls).get(re.split(r"[.\[]", path)[0])
    if told.startswith("Invalid enum value") and top and top.choices:
        given = told.removeprefix("Invalid enum value ").strip("'\"")
        return f"Parameter '{path}': '{given}' is not allowed; choose from {', '.join(map(str, top.choices))}"
    if told.startswith("Expected `str` matching regex") and top and (wanted := _expected(top.type)):
        return f"Parameter '{path}': expected {wanted}"
    return f"Parameter '{path}': {_in_words(told)}" if path else f"{what}: {_in_words(told)}"


def from_text(value: Any, parameter: Parameter) -> Any:
    """A value as a command line gives it (text, or yes/no of a bare key) in the parameter's own type."""
    if not isinstance(value, str):
        return value
    if parameter.kind == "size":
        return text.parse_size(value, parameter.name)
    if parameter.kind is bool:
        return text.parse_bool(value, parameter.name)
    if parameter.kind in (int, float):
        return text.parse_number(value, parameter.name, kind=parameter.kind)
    if parameter.kind in (list, tuple):
        return text.parse_list(value)
    if parameter.nullable and value in ("none", ""):
        return None
    return value


def _parameters(cls: type[Any]) -> dict[str, Parameter]:
    return dict(parameters_of(cls)) if isinstance(cls, type) and issubclass(cls, Struct) else {}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _allowed_names(cls: type[Any], path: str) -> str:
    if path or not (names := _parameters(cls)):
        return ""
    return f"; known are {', '.join(sorted(names))}"


def _expected(hint: Any) -> str:
    """What a constrained type says of itself, wherever it stands in ``hint``."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, Meta) and meta.extra and "expected" in meta.extra:
            return str(meta.extra["expected"])
    parts = [getattr(hint, "__origin__", None), *getattr(hint, "__args__", ())]
    return next((found for part in parts if part is not None and part is not hint and (found := _expected(part))), "")


def _in_words(told: str) -> str:
    """``Expected `int` >= 1, got `str``` → ``expected a whole number of at least 1, not a text``."""
    told = re.sub(r"`([a-z | ]+)`", lambda m: " or ".join(_NAMES.get(n, n) for n in m[1].split(" | ")), told)
    told = told.replace(" >= ", " of at least ").replace(" <= ", " of at most ").replace(", got ", ", not ")
    told = re.sub(r" of length of at least (\d+)", r" with at least \1 characters or items", told)
    return told[:1].lower() + told[1:]
