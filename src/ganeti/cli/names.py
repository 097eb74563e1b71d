# SPDX-License-Identifier: BSD-2-Clause
"""Names as users type them: in full, or without the domain."""

from __future__ import annotations

from collections.abc import Iterable

from ganeti.cli.session import Session
from ganeti.errors import UnknownEntity


def full_names(session: Session, what: str, words: Iterable[str]) -> list[str]:
    """The names in full; a pattern (with * and ?) stays as it is.

    ``what`` is the kind of thing, as in a query. Raises UnknownEntity for a name that nothing has, or several do.
    """
    known = [row[0] for row in session.query(what, ["name"])]
    return [word if set(word) & set("*?") else _full_name(what, word, known) for word in words]


def _full_name(what: str, word: str, known: list[str]) -> str:
    if word in known:
        return word
    fitting = [name for name in known if name.startswith(f"{word}.")]
    if len(fitting) == 1:
        return fitting[0]
    raise UnknownEntity(f"{what.capitalize()} '{word}' {_why_not(fitting)}")


def _why_not(fitting: list[str]) -> str:
    return f"may be any of {', '.join(fitting)}" if fitting else "not known"
