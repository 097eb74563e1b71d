# SPDX-License-Identifier: BSD-2-Clause
"""Blanking the secret parameters of a value, and of nested values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, get_args

from msgspec import Struct

from ganeti.declare.parameter import parameters_of

BLANK = "<redacted>"


def blanked(cls: type[Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values``: those of a ``cls`` in plain types, possibly incomplete or invalid."""
    declared, structs = parameters_of(cls), _inside(cls)
    shown = {}
    for name, value in values.items():
        parameter = declared.get(name)
        if parameter is None:
            shown[name] = value
        elif parameter.secret:
            shown[name] = BLANK if value else value
        else:
            shown[name] = _within(structs[name], value)
    return shown


@cache
def has_secrets(cls: type[Struct]) -> bool:
    """Whether a parameter is secret, its own or one of a struct in its parameters' types."""
    inside = chain.from_iterable(_inside(cls).values())
    return any(parameter.secret for parameter in parameters_of(cls).values()) or any(map(has_secrets, inside))


def _within(structs: Sequence[type[Struct]], value: Any) -> Any:
    """With the secrets blanked that these structs declare, also in lists and dicts."""
    if not structs:
        return value
    if isinstance(value, Mapping) and any(parameters_of(struct).keys() & value.keys() for struct in structs):
        for struct in structs:
            value = blanked(struct, value)
        return value
    if isinstance(value, Mapping):
        return {key: _within(structs, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_within(structs, inner) for inner in value]
    return value


@cache
def _inside(cls: type[Struct]) -> Mapping[str, tuple[type[Struct], ...]]:
    """By the names of its parameters, the structs in their types."""
    return {name: tuple(_structs(parameter.type)) for name, parameter in parameters_of(cls).items()}


def _structs(hint: Any) -> list[type[Struct]]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return [hint]
    return [found for inner in get_args(hint) for found in _structs(inner)]
