# SPDX-License-Identifier: BSD-2-Clause
"""Whatever the weather: no guest runs twice, no disk is lost or left over, no job is forgotten or doubled, and never do
two masters say yes.

Each seed is a history of its own, and repeats exactly. ``./run simulate --seeds A-B`` tries many others.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import mastership, storm, tempest, vigil

KINDS = {"storm": storm, "tempest": tempest, "mastership": mastership, "vigil": vigil}
# Each of these found a fault once.
FOUND = {
    "storm": (5002, 5086, 5139, 5201, 5574, 20067, 21251, 30010, 30065, 40085, 900012, 900225, 901548),
    "tempest": (59, 108, 20202, 32000, 32055, 32071, 901018, 901901, 920827, 418133003, 255755891),
    "mastership": (20591, 700437, 901600, 921804, 922253, 676724245),
    "vigil": (435,),
}
FIXED = [(kind, seed) for kind in KINDS for seed in (*range(40), *FOUND.get(kind, ()))]
# In every run others, a hundred of them.
NEW = [(kind, number) for kind in KINDS for number in range(100 // len(KINDS))]

TRACES = """
import sys; from pathlib import Path; from tests.simulation.test_storms import KINDS
for name, kind in KINDS.items(): print(name, kind.survive(Path(name), 7))
"""


@pytest.mark.parametrize(("kind", "seed"), FIXED)
def test_it_leaves_no_damage(kind, seed, tmp_path):
    KINDS[kind].survive(tmp_path, seed)


@pytest.mark.parametrize(("kind", "number"), NEW)
def test_what_nobody_has_seen_leaves_no_damage(kind, number, tmp_path):
    seed = random.SystemRandom().randrange(10**6, 10**9)
    try:
        KINDS[kind].survive(tmp_path, seed)
    except Exception as error:
        error.add_note(f"'./run simulate --kind {kind} --seeds {seed}' shows it again")
        raise


def test_a_seed_repeats_exactly_in_every_process(tmp_path):
    assert traces(tmp_path / "one", "1") == traces(tmp_path / "two", "2")


def traces(directory, hash_seed):
    """What a seed of each kind does in a process of its own, where sets have an order of their own."""
    directory.mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", TRACES]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(KINDS)
    return done.stdout
