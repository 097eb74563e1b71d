# SPDX-License-Identifier: BSD-2-Clause
"""Whatever the weather: no job is lost or carried out twice, no guest runs twice, nothing is forgotten.

Each seed is a history of its own, and repeats exactly. ``./run simulate --seeds A-B`` tries many others.
"""

import pytest

from tests.simulation.storm import live_through, survive
from tests.simulation.virtual import run

# Each of these found a fault once.
FOUND = (5002, 5086, 5139, 5201, 5574, 20067, 21251)


@pytest.mark.parametrize("seed", [*range(40), *FOUND])
def test_a_storm_leaves_no_damage(seed, tmp_path):
    survive(tmp_path, seed)


def test_a_seed_repeats_exactly(tmp_path):
    def history(directory):
        async def main(loop):
            storm = await live_through(loop, directory, 7)
            told = [(t.job.id, t.job.status, t.job.ended, [e.text for e in t.log]) for t in storm.master.queue]
            await storm.stop()
            return told

        return run(main)

    assert history(tmp_path / "one") == history(tmp_path / "two")
