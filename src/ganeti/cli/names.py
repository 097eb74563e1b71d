# SPDX-License-Identifier: BSD-2-Clause
"""Names as typed by users: full, or without the domain."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.cli.session import Session
from ganeti.luxi.protocol import Method


def full_names(session: Session, what: str, words: Sequence[str]) -> list[str]:
    """The full names, in the order of the words; a pattern (with * and ?) stays as it is.

    ``what`` is the kind of object, as in a query. Raises UnknownEntity for an unknown name, WrongInput for an ambiguous
    one.
    """
    named = [word for word in words if not set(word) & set("*?")]
    found = iter(session.client.call(Method.FIND_NAMES, what, named) if named else ())
    return [next(found) if word in named else word for word in words]


def exact_names(session: Session, what: str, words: Sequence[str]) -> list[str]:
    """Likewise, without patterns: one counts as an unknown name."""
    return list(session.client.call(Method.FIND_NAMES, what, list(words))) if words else []
