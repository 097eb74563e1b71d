# SPDX-License-Identifier: BSD-2-Clause
"""What a caller may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The permission that a caller needs."""

    READ = "read"
    OPERATE = "operate"  # start, stop and move instances
    ADMIN = "admin"  # everything else
