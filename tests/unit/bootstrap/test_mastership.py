# SPDX-License-Identifier: BSD-2-Clause
"""What ``gnt-cluster master-failover`` refuses before it has asked or touched anything."""

import pytest

from ganeti.bootstrap.mastership import Rules, take_over
from ganeti.errors import EnvironmentUnfit, NotInitialised, WrongState
from ganeti.host.certificates import create_authority, create_node_credentials
from ganeti.host.clock import WallClock
from ganeti.host.paths import Paths
from ganeti.node.membership import Bundle, enter


def member(root, candidates):
    """The root of a node2 that belongs to a cluster."""
    paths, authority = Paths(root), create_authority("cluster")
    made = create_node_credentials(authority, "node2")
    bundle = Bundle(
        cluster_name="cluster",
        ca=authority.certificate.decode(),
        certificate=made.certificate.decode(),
        term=1,
        master="node1",
        candidates=dict.fromkeys(candidates, ""),
    )
    enter(paths, bundle, made.key)
    return paths


async def test_a_machine_that_is_in_no_cluster_becomes_no_master(tmp_path):
    with pytest.raises(NotInitialised):
        await take_over(Paths(tmp_path), WallClock(), Rules())


async def test_a_node_that_is_no_candidate_hears_who_is_and_gets_no_database(tmp_path):
    paths = member(tmp_path, ("node1", "node3"))
    with pytest.raises(WrongState, match="node2 is not a master candidate; these are: node1, node3"):
        await take_over(paths, WallClock(), Rules())
    assert not paths.store.exists()


async def test_a_candidate_without_what_candidates_have_becomes_no_master(tmp_path):
    paths = member(tmp_path, ("node1", "node2"))
    with pytest.raises(EnvironmentUnfit, match=r"ca\.key"):
        await take_over(paths, WallClock(), Rules())
    assert not paths.store.exists()
