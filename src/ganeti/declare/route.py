# SPDX-License-Identifier: BSD-2-Clause
"""How the remote API maps to operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is not an object of parameters: its type for msgspec, and the parameters it sets."""

    shape: Any
    translate: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Around:
    """Operations before and after a route's own, in the same job: with the parameters that they share.

    There is none ``after`` if the body has ``wanted`` false, or the query string ``unwanted`` true.
    """

    before: str  # its wire name
    after: str
    wanted: str
    unwanted: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route to an operation, below ``/2``; names in braces in ``path`` are parameters.

    ``query``: parameters taken from the query string, by their name there. ``body``: whether the rest is in a JSON
    object, or what is used instead; ``renamed``: names in that object that differ from the parameters'.
    ``renamed_inside``: likewise for objects in a list parameter, by parameter. ``fixed``: values set by the route;
    like those in the path they cannot be given otherwise. ``defaults``: values used if the request has none.
    ``around``: other operations that the job consists of.
    ``at_once``: the answer is the result itself, not the number of a job. ``summary``: its description, if that is
    not the operation's own first line.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bool | Body = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    renamed_inside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    around: Around | None = None
    at_once: bool = False
    summary: str = ""

    @property
    def path_names(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def settled(self) -> frozenset[str]:
        """The parameters that are set by the path or the route, not by a body."""
        return frozenset(self.path_names) | frozenset(self.fixed)
