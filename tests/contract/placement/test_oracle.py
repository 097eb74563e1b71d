# SPDX-License-Identifier: BSD-2-Clause
"""Ours against Ganeti's own tools, live, on clusters that no recording has seen."""

import pytest

from tests.golden.placement.comparison import assert_no_worse_steps, assert_same_terms
from tests.golden.placement.record import steps, terms
from tests.unit.placement.clusters import cluster_text


@pytest.mark.parametrize("seed", range(5000, 5060))
def test_the_terms_agree_to_eight_decimals(oracle, seed):
    text = cluster_text(seed)
    said = terms(oracle, text)
    if said:
        assert_same_terms(text, said)


@pytest.mark.parametrize("seed", range(5000, 5060))
def test_steps_are_no_worse(oracle, seed):
    text = cluster_text(seed)
    assert_no_worse_steps(text, steps(oracle, text) or [])
