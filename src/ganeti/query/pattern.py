# SPDX-License-Identifier: BSD-2-Clause
"""Regular expressions that come from outside, matched in time linear in the text (RE2)."""

from __future__ import annotations

from collections.abc import Callable

from ganeti.declare.text import shortened
from ganeti.declare.types import LONGEST_TEXT
from ganeti.errors import WrongInput

Matches = Callable[[str], bool]

# Bytes that a compiled expression may take, which bounds the time for each character of a text too.
_MOST_MEMORY = 1024**2


def searching(expression: str, where: str) -> Matches:
    """Whether an expression matches anywhere in a text. Raises WrongInput, which begins with ``where``."""
    if len(expression) > LONGEST_TEXT:
        raise WrongInput(f"{where}: a pattern has {len(expression)} characters; at most {LONGEST_TEXT} are allowed")
    return _compiled(expression, where)


def fitting(expression: str, where: str) -> Matches:
    """Whether an expression matches a text as a whole. Raises as ``searching`` does."""
    searching(expression, where)
    return _compiled(rf"\A(?:{expression})\z", where)


def globbing(pattern: str, where: str) -> Matches:
    """Whether a text as a whole fits a pattern in which only ``*`` and ``?`` have a meaning."""
    import re2  # noqa: PLC0415 - only the master daemon has use for it

    if len(pattern) > LONGEST_TEXT:
        raise WrongInput(f"{where}: a pattern has {len(pattern)} characters; at most {LONGEST_TEXT} are allowed")
    signs = {"*": ".*", "?": "."}
    parts = (signs.get(sign) or re2.escape(sign) for sign in re2.sub(r"\*+", "*", pattern))
    return _compiled(rf"(?s)\A{''.join(parts)}\z", where)


def _compiled(expression: str, where: str) -> Matches:
    import re2  # noqa: PLC0415 - as above

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        # As bytes, since there is always a way to turn a text into some.
        compiled = re2.compile(expression.encode(errors="replace"), options)
    except re2.error as error:
        told = f"'{shortened(expression)}' is not a regular expression : {error.args[0].decode()}"
        raise WrongInput(f"{where}: {told}") from None
    return lambda text: compiled.search(text.encode(errors="replace")) is not None
