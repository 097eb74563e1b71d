# SPDX-License-Identifier: BSD-2-Clause
"""Sizes in the syntax of the tools (htools(1), "Units")."""

from __future__ import annotations

import re

from ganeti.errors import WrongInput

_BINARY = {"": 1, "m": 1, "mib": 1, "g": 1024, "gib": 1024, "t": 1024**2, "tib": 1024**2}
_DECIMAL = {"M": 10**6, "MB": 10**6, "G": 10**9, "GB": 10**9, "T": 10**12, "TB": 10**12}
_SIZE = re.compile(r"([0-9]+)\s*([A-Za-z]*)", re.ASCII)


def mebibytes(text: str, what: str) -> int:
    """A size with or without a unit, in MiB; ``what``: its meaning, for the error. Raises WrongInput."""
    match = _SIZE.fullmatch(text)
    if match:
        number, unit = int(match[1]), match[2]
        if unit in _DECIMAL:
            return number * _DECIMAL[unit] // 1024**2
        if unit.lower() in _BINARY:
            return number * _BINARY[unit.lower()]
    raise WrongInput(f"{what} '{text}' is no size: a number, alone or with m, g, t (binary) or M, G, T (decimal)")
