# SPDX-License-Identifier: BSD-2-Clause
"""Files that a command is given by name."""

from __future__ import annotations

import errno
import sys
from contextlib import nullcontext
from pathlib import Path

LARGEST = 256 << 20  # bytes; a whole cluster with its instances fits in


def read_given(name: str | Path) -> bytes:
    """What is in a file, or for ``-`` on standard input. Raises OSError, also if it is too large or never ends."""
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise OSError(errno.EFBIG, f"It is larger than {LARGEST >> 20} MiB")
    return found


def read_given_text(name: str | Path) -> str:
    """The same as text. Raises OSError and UnicodeDecodeError."""
    return read_given(name).decode()
