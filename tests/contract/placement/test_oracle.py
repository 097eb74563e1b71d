# SPDX-License-Identifier: BSD-2-Clause
"""Ours against Ganeti's own tools, live, on clusters that no recording has seen."""

import pytest

from ganeti.placement.text import parse
from tests.golden.placement.comparison import assert_no_worse_steps, assert_same_terms
from tests.golden.placement.monitored import of_xen, ours, reports_text, theirs
from tests.golden.placement.record import steps, terms
from tests.unit.placement.clusters import cluster_text


@pytest.mark.parametrize("seed", range(5000, 5060))
def test_the_terms_agree_to_eight_decimals(oracle, seed):
    text = cluster_text(seed)
    said = terms(oracle, text)
    if said:
        assert_same_terms(parse(text).snapshot, said)


@pytest.mark.parametrize("seed", range(5000, 5060))
def test_steps_are_no_worse(oracle, seed):
    text = cluster_text(seed)
    assert_no_worse_steps(parse(text).snapshot, steps(oracle, text) or [])


@pytest.mark.parametrize("seed", range(6000, 6040))
def test_measured_loads_weigh_and_move_the_same(oracle, seed, tmp_path):
    text, reports = cluster_text(seed), tmp_path / "reports.json"
    reports.write_text(reports_text(seed))
    said = theirs(oracle, text, reports.read_text(), xen=of_xen(seed))
    if said["terms"]:
        status, snapshot = ours(text, reports, xen=of_xen(seed))
        assert status == said["status"]
        assert_same_terms(snapshot, said["terms"])
        assert_no_worse_steps(snapshot, said["steps"])
