# SPDX-License-Identifier: BSD-2-Clause
"""Ganeti's own tools, which talk to our master daemon as they talk to theirs."""

import re

from tests.contract.placement.conftest import oracle  # noqa: F401 - a fixture
from tests.real.cluster.test_htools import COUNT, column, crowded  # noqa: F401 - a fixture

_SCORE = re.compile(r"^Cluster score: ([0-9.]+)", re.MULTILINE)


def test_they_read_our_cluster_and_balance_it(crowded, oracle):  # noqa: F811 - fixtures
    socket = crowded.master.path("/run/ganeti/socket/ganeti-master")

    def theirs(tool, *words):
        done = oracle.run(tool, f"-L{socket}", *words, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert _SCORE.search(theirs("hinfo"))[1] == _SCORE.search(crowded.gnt("hinfo", "-L"))[1]
    assert theirs("hcheck") == crowded.gnt("hcheck", "-L")
    assert "Solution length=6" in theirs("hbal", "-v", "-X")
    assert column(crowded, "pnode") == {f"node{number}.lab.test": COUNT // 3 for number in (1, 2, 3)}
