# SPDX-License-Identifier: BSD-2-Clause
"""Mirrored disks on two nodes with real volumes and real DRBD."""

import pytest

from tests.contract.storage.drbd_bench import DrbdBench
from tests.contract.storage.test_mirror import *  # noqa: F403 - the suite for all that keep disks in two copies


@pytest.fixture
def mirrored_bench(lab, tmp_path):
    bench = DrbdBench(tmp_path, lab.node("node1"), lab.node("node2"))
    yield bench
    bench.take_away()
