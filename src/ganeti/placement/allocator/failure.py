# SPDX-License-Identifier: BSD-2-Clause
"""Why an instance cannot be on a node, in the terms of Ganeti's tools, and counts of such reasons."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum


class Failure(IntEnum):
    """In the order in which they are listed; ``NONE``: no failure, ``NO_CHOICE``: a choice that is not considered."""

    NO_CHOICE = -1
    NONE = 0
    MEMORY = 1
    DISK = 2
    CPU = 3
    N1 = 4
    TAGS = 5
    MIGRATION = 6
    DISK_COUNT = 7
    SPINDLES = 8
    INTERNAL = 9

    @classmethod
    def listed(cls) -> list[Failure]:
        """All real failures."""
        return [failure for failure in cls if failure > cls.NONE]

    @property
    def word(self) -> str:
        return _WORDS[self]


_WORDS = {
    Failure.MEMORY: "FailMem",
    Failure.DISK: "FailDisk",
    Failure.CPU: "FailCPU",
    Failure.N1: "FailN1",
    Failure.TAGS: "FailTags",
    Failure.MIGRATION: "FailMig",
    Failure.DISK_COUNT: "FailDiskCount",
    Failure.SPINDLES: "FailSpindles",
    Failure.INTERNAL: "FailInternal",
}


def listed(failures: Counter[Failure]) -> str:
    """``FailMem: 2, FailDisk: 1``"""
    return ", ".join(f"{failure.word}: {failures[failure]}" for failure in sorted(failures))
