# SPDX-License-Identifier: BSD-2-Clause
"""Power cuts, partitions in every direction, marks and failovers in every order: never do two masters say yes.

Each seed is a history of its own, and repeats exactly. ``MASTERS=1000-2000`` tries others.
"""

import asyncio
import os

import pytest

from ganeti.bootstrap.mastership import Rules
from ganeti.rpc.authority import read_term
from tests.simulation.machines import Machines
from tests.simulation.virtual import VirtualClock, run

FIRST, _, LAST = os.environ.get("MASTERS", "0-24").partition("-")


@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST)))
def test_a_newer_master_says_yes_only_when_no_older_one_does(seed, tmp_path):
    async def main(loop):
        machines = Machines(tmp_path, 2 + seed % 4, seed, VirtualClock(loop), loop)
        await machines.start()
        try:
            customer = asyncio.create_task(machines.customer(150))
            await machines.weather(25)
            await machines.calm_down()
            await customer  # who may have waited for a master that was cut off
            examine(machines)
            (master,) = machines.serving()
            assert await machines.write(master, "the-end"), machines.history
        finally:
            await machines.stop()

    run(main)


def examine(machines):
    terms = [term for _, term, _ in machines.acknowledged]
    assert terms == sorted(terms), (machines.acknowledged, machines.history)
    holders = {}
    for _, term, name in machines.acknowledged:
        assert holders.setdefault(term, name) == name, machines.history
    assert len(machines.serving()) == 1, machines.history
    kept = machines.serving()[0].master.configuration.state.cluster.tags
    assert machines.promised - kept == set(), machines.history


@pytest.mark.parametrize("seed", range(12))
def test_of_two_candidates_at_the_same_moment_the_winner_is_obeyed_by_all(seed, tmp_path):
    async def main(loop):
        machines = Machines(tmp_path, 3, seed, VirtualClock(loop), loop)
        await machines.start()
        try:
            both = [machines.machines[name] for name in ("node2", "node3")]
            won = await asyncio.gather(*(candidate.take_over(Rules()) for candidate in both))
            await asyncio.sleep(60)
            assert sum(won) == 1
            terms = [read_term(machine.paths.term) for machine in machines.machines.values()]
            assert {term.master for term in terms} == {both[won.index(True)].node.name}
        finally:
            await machines.stop()

    run(main)
