# SPDX-License-Identifier: BSD-2-Clause
"""Decimal numbers, rounded as the htools have always rounded them."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal


def decimals(value: float, digits: int = 8) -> str:
    """Rounds the shortest decimal representation of the value, half to even; not the binary number itself."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN):f}"
