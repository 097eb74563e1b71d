# SPDX-License-Identifier: BSD-2-Clause
"""An allocator's answer."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class Answer(Struct, frozen=True):
    """``result`` consists of plain JSON types; its form depends on the request (Ganeti's iallocator documentation)."""

    success: bool
    info: str
    result: Any

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def success(info: str, result: Any) -> Answer:
    return Answer(success=True, info=f"Request successful: {info}", result=result)


def failure(info: str) -> Answer:
    return Answer(success=False, info=f"Request failed: {info}", result=[])
