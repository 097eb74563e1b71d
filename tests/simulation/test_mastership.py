# SPDX-License-Identifier: BSD-2-Clause
"""Never do two masters say yes. Each seed is a history of its own; ``./run simulate`` tries others."""

import asyncio

import pytest

from ganeti.bootstrap.mastership import Rules
from ganeti.rpc.authority import read_term
from tests.simulation import mastership
from tests.simulation.machines import Machines
from tests.simulation.virtual import VirtualClock, run


@pytest.mark.parametrize("seed", range(25))
def test_a_newer_master_says_yes_only_when_no_older_one_does(seed, tmp_path):
    mastership.survive(tmp_path, seed)


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
