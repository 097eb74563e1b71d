# SPDX-License-Identifier: BSD-2-Clause
from pathlib import Path

import msgspec
import pytest

from ganeti.placement.text import parse
from tests.golden.placement.comparison import assert_no_worse_steps, assert_same_terms
from tests.unit.placement.clusters import cluster_text

RECORDED = msgspec.json.decode(Path(__file__).with_name("clusters.json").read_bytes())
WITH_TERMS = [seed for seed, said in RECORDED.items() if said["terms"]]
WITH_STEPS = [seed for seed, said in RECORDED.items() if said["steps"]]


@pytest.mark.parametrize("seed", WITH_TERMS)
def test_the_terms_are_those_of_hinfo_to_eight_decimals(seed):
    assert_same_terms(parse(cluster_text(int(seed))).snapshot, RECORDED[seed]["terms"])


@pytest.mark.parametrize("seed", WITH_STEPS)
def test_steps_are_no_worse_than_those_of_hbal(seed):
    assert_no_worse_steps(parse(cluster_text(int(seed))).snapshot, RECORDED[seed]["steps"])
