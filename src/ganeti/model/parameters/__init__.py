# SPDX-License-Identifier: BSD-2-Clause
"""The parameters of guests, nodes, disks and network cards, and how layers of them are merged.

A set of parameters is a frozen struct whose defaults are the software's. The cluster, a group, an OS
or an instance overrides some of them; an override is a plain mapping that ``overrides`` has checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ganeti.declare.decode import decode, decode_stored, decode_texts
from ganeti.declare.parameter import parameters_of
from ganeti.declare.text import RESET
from ganeti.errors import WrongInput

P = TypeVar("P", bound=Struct)

# Characters that end a line in files and lists of values, or a string in a command or environment.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f]")


def overrides(cls: type[Struct], given: Mapping[str, Any], current: Mapping[str, Any], what: str) -> dict[str, Any]:
    """``current`` with the changes of ``given``, each value in its parameter's type.

    A value of "default" removes an override. Raises WrongInput, naming the parameter and what is
    allowed, for an unknown name or a value that doesn't fit; ``what`` says whose parameters they are.
    """
    known = parameters_of(cls)
    # What is reset is checked as its default, so that a wrong name is reported.
    meant = {name: known[name].default if value == RESET and name in known else value for name, value in given.items()}
    typed = as_mapping(decode_texts({**current, **meant}, cls, what))
    if strange := [name for name in given if _CONTROL_CHARACTER.search(str(typed[name]))]:
        raise WrongInput("\n".join(f"{what}: '{name}' has a control character" for name in strange))
    kept = {name: value for name, value in current.items() if name not in given}
    return kept | {name: typed[name] for name, value in given.items() if value != RESET}


def checked(cls: type[P], *layers: Mapping[str, Any], what: str) -> P:
    """As ``filled``; also raises WrongInput for values that are not supported or contradict each other.

    The method ``problems`` of a table, if it has one, finds the latter.
    """
    result = decode(_merged(layers), cls, what)
    find = getattr(result, "problems", None)
    if found := find() if find else []:
        raise WrongInput("\n".join(f"{what}: {text}" for text in found))
    return result


def filled(cls: type[P], *layers: Mapping[str, Any], what: str = "") -> P:
    """The parameters that result from the defaults and ``layers`` of overrides, the last the strongest."""
    return decode_stored(_merged(layers), cls, what or cls.__name__)


def as_mapping(parameters: Struct) -> dict[str, Any]:
    """Parameters by wire name, as the remote API and hooks show them."""
    values: dict[str, Any] = msgspec.to_builtins(parameters)
    return values


def _merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: value for layer in layers for name, value in layer.items()}
