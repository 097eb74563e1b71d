# SPDX-License-Identifier: BSD-2-Clause
"""Whatever the weather: no guest runs twice, no disk is lost or left over, no job is forgotten or doubled.

Each seed is a history of its own, and repeats exactly. ``./run simulate --seeds A-B`` tries many others.
"""

import random

import pytest

from tests.simulation import storm, tempest
from tests.simulation.virtual import run

# Each of these found a fault once.
FOUND = (5002, 5086, 5139, 5201, 5574, 20067, 21251)
NEW = 10  # of each kind, in every run others


@pytest.mark.parametrize("seed", [*range(40), *FOUND])
def test_a_storm_leaves_no_damage(seed, tmp_path):
    storm.survive(tmp_path, seed)


@pytest.mark.parametrize("seed", range(40))
def test_a_tempest_leaves_no_damage(seed, tmp_path):
    tempest.survive(tmp_path, seed)


@pytest.mark.parametrize("number", range(NEW))
@pytest.mark.parametrize("kind", [storm, tempest], ids=["storm", "tempest"])
def test_weather_that_nobody_has_seen_leaves_no_damage(kind, number, tmp_path):
    seed = random.SystemRandom().randrange(10**6, 10**9)
    try:
        kind.survive(tmp_path, seed)
    except Exception as error:
        error.add_note(f"'./run simulate --seeds {seed}' shows it again")
        raise


def test_a_seed_repeats_exactly(tmp_path):
    def history(directory):
        async def main(loop):
            made = await storm.live_through(loop, directory, 7)
            told = [(t.job.id, t.job.status, t.job.ended, [e.text for e in t.log]) for t in made.master.queue]
            await made.stop()
            return told

        return run(main)

    assert history(tmp_path / "one") == history(tmp_path / "two")
