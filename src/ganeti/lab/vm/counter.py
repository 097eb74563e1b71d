# SPDX-License-Identifier: BSD-2-Clause
"""The frequency of this machine's time-stamp counter, which QEMU's emulated processors use.

A booting kernel would measure it with an emulated timer, and on a busy machine get a clock that runs several times
too fast: then timeouts of seconds expire too early.
"""

from __future__ import annotations

import ctypes
import mmap
import time

_READ = bytes.fromhex("0f31 48c1e220 4809d0 c3")  # rdtsc; shl rdx, 32; or rax, rdx; ret
_LONG = 0.2  # seconds
_ATTEMPTS = 20  # one of them at least is not interrupted


def kilohertz() -> int:
    counter = _Counter()
    before = counter.with_clock()
    time.sleep(_LONG)
    after = counter.with_clock()
    return round((after[1] - before[1]) * 1e6 / (after[0] - before[0]))


class _Counter:
    """Reads it with machine code of its own, since no library does."""

    def __init__(self) -> None:
        self._code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._code.write(_READ)
        self._read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(self._code)))

    def with_clock(self) -> tuple[float, int]:
        """The clock, in nanoseconds, and the counter at the same moment."""
        looks = [(time.monotonic_ns(), self._read(), time.monotonic_ns()) for _ in range(_ATTEMPTS)]
        start, count, end = min(looks, key=lambda look: look[2] - look[0])
        return (start + end) / 2, count
