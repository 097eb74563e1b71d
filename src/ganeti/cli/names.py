# SPDX-License-Identifier: BSD-2-Clause
"""Names as users type them: in full, or without the domain."""

from __future__ import annotations

from collections.abc import Sequence

from ganeti.cli.session import Session
from ganeti.luxi.protocol import Method


def full_names(session: Session, what: str, words: Sequence[str]) -> list[str]:
    """The names in full, in the order of the words; a pattern (with * and ?) stays as it is.

    ``what`` is the kind of thing, as in a query. Raises UnknownEntity for a name that nothing has, WrongInput for
    one that several have.
    """
    named = [word for word in words if not set(word) & set("*?")]
    found = iter(session.client.call(Method.FIND_NAMES, what, named) if named else ())
    return [next(found) if word in named else word for word in words]


def exact_names(session: Session, what: str, words: Sequence[str]) -> list[str]:
    """Likewise, where a pattern stands for nothing: it is a name that nothing has."""
    return list(session.client.call(Method.FIND_NAMES, what, list(words))) if words else []
