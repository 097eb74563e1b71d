# SPDX-License-Identifier: BSD-2-Clause
"""Files named as arguments of a command."""

from __future__ import annotations

import errno
import sys
from contextlib import nullcontext
from pathlib import Path

LARGEST = 256 << 20  # bytes; enough for a whole cluster with its instances


def read_given(name: str | Path) -> bytes:
    """The content of a file, or for ``-`` standard input. Raises OSError, also if it is too large or endless."""
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise OSError(errno.EFBIG, f"It is larger than {LARGEST >> 20} MiB")
    return found


def read_given_text(name: str | Path) -> str:
    """The content as text. Raises OSError and UnicodeDecodeError."""
    return read_given(name).decode()
