# SPDX-License-Identifier: BSD-2-Clause
"""Simulated time."""

import asyncio

from tests.simulation.virtual import run


def test_whatever_a_simulation_leaves_going_on_is_ended_with_it():
    """Otherwise it is torn down later, in any order, and complains of generators that are running already."""
    ended = []

    async def lines():
        try:
            await asyncio.Event().wait()
            yield
        finally:
            ended.append("lines")

    async def read():
        async for _ in lines():
            pass

    async def main(loop):
        loop.reading = loop.create_task(read())
        await asyncio.sleep(1)
        return "done"

    assert run(main) == "done"
    assert ended == ["lines"]
