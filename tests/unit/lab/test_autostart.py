# SPDX-License-Identifier: BSD-2-Clause
"""What a node of the lab starts when it boots."""

import pytest

from ganeti.host.paths import Paths
from ganeti.lab.autostart import due


@pytest.fixture
def paths(tmp_path):
    made = Paths(tmp_path)
    made.state.mkdir(parents=True)
    return made


def test_a_machine_that_is_in_no_cluster_starts_nothing(paths):
    assert due(paths, "node1.lab.test") == ()


def test_a_node_starts_what_every_node_runs(paths):
    paths.node_certificate.touch()
    paths.ssconf("master_node").write_text("node2.lab.test\n")
    assert due(paths, "node1.lab.test") == ("ganeti-noded", "ganeti-confd", "ganeti-mond")


def test_the_master_starts_all(paths):
    paths.node_certificate.touch()
    paths.ssconf("master_node").write_text("node1.lab.test\n")
    assert due(paths, "node1.lab.test") == (
        "ganeti-noded",
        "ganeti-masterd",
        "ganeti-rapi",
        "ganeti-confd",
        "ganeti-mond",
    )
