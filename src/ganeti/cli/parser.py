# SPDX-License-Identifier: BSD-2-Clause
"""The parser of every command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class PrintingParser(argparse.ArgumentParser):
    """A parser whose help fails if it cannot be written; argparse ignores that (``--help >/dev/full``)."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)
