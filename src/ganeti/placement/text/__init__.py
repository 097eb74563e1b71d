# SPDX-License-Identifier: BSD-2-Clause
"""The text format of htools(1): sections of lines of columns, read by ``parse`` and written by ``serialise``."""

from ganeti.placement.text.reader import Parsed, parse
from ganeti.placement.text.writer import serialise

__all__ = ["Parsed", "parse", "serialise"]
