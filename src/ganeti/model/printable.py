# SPDX-License-Identifier: BSD-2-Clause
"""Words that others have chosen, as they may be shown."""

from __future__ import annotations


def printable(text: str, longest: int) -> str:
    """In one line, without anything that a terminal would obey."""
    clear = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[: longest + 1])
    return clear if len(clear) <= longest else f"{clear[:longest]}..."
