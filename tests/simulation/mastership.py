# SPDX-License-Identifier: BSD-2-Clause
"""Power cuts, partitions in every direction, marks and failovers: never do two masters say yes; all by a seed."""

import asyncio

from tests.simulation.machines import Machines
from tests.simulation.virtual import VirtualClock, run


def survive(root, seed):
    """Raise AssertionError if an older master says yes after a newer one, or a promise is broken; what was seen."""

    async def main(loop):
        machines = Machines(root, 2 + seed % 4, seed, VirtualClock(loop), loop)
        await machines.start()
        try:
            customer = asyncio.create_task(machines.customer(150))
            await machines.weather(25)
            await machines.calm_down()
            await customer  # who may have waited for a master that was cut off
            examine(machines)
            (master,) = machines.serving()
            assert await machines.write(master, "the-end"), machines.history
            await asyncio.sleep(60)
            assert machines.holders() == [master], machines.history
            return machines.history, machines.acknowledged
        finally:
            await machines.stop()

    return run(main)


def examine(machines):
    acknowledged = machines.acknowledged[machines.begun_anew :]
    terms = [term for _, term, _ in acknowledged]
    assert terms == sorted(terms), (acknowledged, machines.history)
    holders = {}
    for _, term, name in acknowledged:
        assert holders.setdefault(term, name) == name, machines.history
    assert len(machines.serving()) == 1, machines.history
    kept = machines.serving()[0].master.configuration.state.cluster.tags
    assert machines.promised - kept == set(), machines.history
