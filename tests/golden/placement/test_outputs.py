# SPDX-License-Identifier: BSD-2-Clause
"""What our tools print, to the letter, against what Ganeti's own have printed."""

from pathlib import Path

import msgspec
import pytest

from tests.golden.placement.outputs import RUNS, ours

RECORDED = msgspec.json.decode(Path(__file__).with_name("outputs.json").read_bytes())

CASES = [(name, seed) for name, seeds in RECORDED.items() for seed in seeds]


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_the_output_is_the_same_to_the_letter(name, seed):
    assert list(ours(RUNS[name], int(seed))) == RECORDED[name][seed]
