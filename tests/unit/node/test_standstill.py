# SPDX-License-Identifier: BSD-2-Clause
"""Guests that come nearer to the memory that they are to have, or only seem to."""

import asyncio
import itertools

import pytest

from ganeti.node.hypervisor.kvm import standstill


@pytest.mark.parametrize(
    ("sizes", "reached"),
    [
        ([64, 80, 96, 128], True),
        ([128], True),
        (itertools.cycle([64, 66]), False),  # to and fro
        (itertools.repeat(64), False),
    ],
)
async def test_only_steps_nearer_to_the_end_count(sizes, reached, monkeypatch):
    monkeypatch.setattr(standstill, "STANDSTILL", 0.05)
    found, changes = iter(sizes), asyncio.Queue()

    async def measure():
        changes.put_nowait("changed")
        return next(found)

    assert await standstill.reaches(128, measure, changes) == reached
