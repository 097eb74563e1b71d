# SPDX-License-Identifier: BSD-2-Clause
"""Running a tool: its exit status, and a line for errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ganeti.cli.failures import ended
from ganeti.errors import CommandLineError, GanetiError


def run(main: Callable[[Sequence[str]], int], words: Sequence[str] | None) -> int:
    """The exit status of ``main(words)``, words of the command line if None."""
    given = sys.argv[1:] if words is None else words
    return ended(Path(sys.argv[0]).name, given, main, _explained, "Interrupted.")


def _explained(error: GanetiError) -> str:
    if isinstance(error, CommandLineError) or error.message.startswith("Error"):
        return error.message
    return f"Error: {error.message}"
