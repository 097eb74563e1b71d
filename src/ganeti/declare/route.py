# SPDX-License-Identifier: BSD-2-Clause
"""How the remote API leads to an operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is no object of parameters: its type, as msgspec decodes it, and the parameters it stands for."""

    shape: Any
    translate: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Around:
    """Operations before and after a route's own, in the same job: with those of its parameters that they have too.

    There is none ``after`` if the body says no under ``wanted``, or the query string yes under ``unwanted``.
    """

    before: str  # its wire name
    after: str
    wanted: str
    unwanted: str


@dataclass(frozen=True, slots=True)
class Route:
    """A way to an operation, below ``/2``; names in braces in ``path`` are parameters.

    ``query``: parameters taken from the query string, by their name there. ``body``: whether the rest comes as a
    JSON object, or what comes instead; ``renamed``: names in that object that differ from the parameters'.
    ``renamed_inside``: the same in the objects of a list that a parameter is, by the parameter. ``fixed``: values
    that the route stands for; like the path's they cannot be given otherwise. ``defaults``: those that count if the
    request gives none.
    ``around``: other operations that the job consists of.
    ``at_once``: the answer is the result itself, not the number of a job. ``summary``: what it does, if that is not
    the operation's own first line.
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
        """The parameters that a body cannot give: the path or the route says them."""
        return frozenset(self.path_names) | frozenset(self.fixed)
