# SPDX-License-Identifier: BSD-2-Clause
"""A rule about jobs: which ones it applies to, and whether they may start (gnt-filter(8))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from ganeti.declare.types import LONGEST_NAME, MOST_KINDS, NonNegative, Positive, Text, form
from ganeti.errors import WrongInput
from ganeti.model.entity import Entity
from ganeti.model.kind import Kind

MOST_FILTERS = 100  # of a cluster; each is evaluated for each job
MOST_PREDICATES = 20  # of a filter


# What happens to matching jobs: a keyword, or how many may run at a time. CONTINUE: the next filter is evaluated.
Action = Literal["ACCEPT", "PAUSE", "REJECT", "CONTINUE"] | tuple[Literal["RATE_LIMIT"], Positive]
_EXPECTED = "ACCEPT, PAUSE, REJECT, CONTINUE, or RATE_LIMIT and a number such as 'RATE_LIMIT 10'"
# As it is given; see ``action_of``. A union of a fixed-length tuple and a string of limited length crashes msgspec
# 0.23.
GivenAction = (
    Annotated[str, form(r"ACCEPT|PAUSE|REJECT|CONTINUE|RATE_LIMIT [1-9][0-9]{0,8}", _EXPECTED)]
    | Annotated[list[Any], Meta(max_length=2)]
)
# The name of what is examined, and a condition in the form of queries (``ganeti.query.filter``).
Predicate = tuple[Annotated[str, Meta(max_length=LONGEST_NAME)], list[Any]]
Predicates = Annotated[tuple[Predicate, ...], Meta(max_length=MOST_PREDICATES)]
# Source, reason, and nanoseconds since the epoch, of each entry.
ReasonTrail = Annotated[tuple[tuple[Text, Text, int], ...], Meta(max_length=MOST_KINDS)]


class JobFilter(Entity, frozen=True, kw_only=True):
    """Its name is its UUID. ``watermark``: the highest job number when the filter was created.

    It applies to jobs for which all predicates are true.
    """

    kind: ClassVar[Kind] = Kind.FILTER

    watermark: NonNegative
    priority: NonNegative = 0
    predicates: Predicates = ()
    action: Action = "CONTINUE"
    reason_trail: ReasonTrail = ()

    @property
    def rank(self) -> tuple[int, int, str]:
        """Filters are evaluated in this order."""
        return self.priority, self.watermark, self.uuid

    @property
    def limit(self) -> int | None:
        """How many of its jobs may run at a time; None for any number."""
        return self.action[1] if isinstance(self.action, tuple) else None

    @property
    def action_in_words(self) -> str:
        return action_in_words(self.action)

    @property
    def why(self) -> str:
        """The reason given by its creator; empty if there is none."""
        return "; ".join(reason for source, reason, _ in self.reason_trail if source == "gnt:user")


def action_in_words(action: str | Sequence[Any]) -> str:
    """``RATE_LIMIT 10``, as the command line takes it."""
    return action if isinstance(action, str) else " ".join(map(str, action))


def action_of(given: str | list[Any]) -> Action:
    """From a ``GivenAction``. Raises WrongInput."""
    words = given.split() if isinstance(given, str) else given
    try:
        action: Action = msgspec.convert(words[0] if len(words) == 1 else words, Action, strict=isinstance(given, list))
    except msgspec.ValidationError:
        raise WrongInput(f"Parameter 'action': expected {_EXPECTED}") from None
    return action
