# SPDX-License-Identifier: BSD-2-Clause
from pathlib import Path

import msgspec
import pytest

from tests.golden.placement.comparison import assert_no_worse_steps, assert_same_terms
from tests.golden.placement.monitored import of_xen, ours, reports_text
from tests.unit.placement.clusters import cluster_text
from tests.unit.placement.reports import CLUSTER, FILES

RECORDED = msgspec.json.decode(Path(__file__).with_name("monitored.json").read_bytes())
WITH_TERMS = [seed for seed, said in RECORDED["clusters"].items() if said["terms"]]


@pytest.fixture
def reports(tmp_path):
    return tmp_path / "reports.json"


@pytest.mark.parametrize("seed", WITH_TERMS)
def test_measured_loads_weigh_and_move_as_with_hbal(seed, reports):
    reports.write_text(reports_text(int(seed)))
    status, snapshot = ours(cluster_text(int(seed)), reports, xen=of_xen(int(seed)))
    assert status == 0
    assert_same_terms(snapshot, RECORDED["clusters"][seed]["terms"])
    assert_no_worse_steps(snapshot, RECORDED["clusters"][seed]["steps"])


@pytest.mark.parametrize("collector", ["nodes", "guests"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_refused_ignored_or_taken_as_by_hbal(name, collector, reports):
    reports.write_text(FILES[name])
    said = RECORDED["files"][name][collector]
    status, snapshot = ours(CLUSTER, reports, xen=collector == "guests")
    assert status == said["status"]
    if not status:
        assert_same_terms(snapshot, said["terms"])


@pytest.mark.parametrize("name", FILES)
def test_who_wants_all_data_is_told_as_by_hbal_that_some_is_missing(name, reports):
    reports.write_text(FILES[name])
    status, _ = ours(CLUSTER, reports, xen=False, strict=True)
    assert status == RECORDED["files"][name]["strict"]
