# SPDX-License-Identifier: BSD-2-Clause
"""Groups of nodes to be rebooted, checked by what has to hold for them."""

from itertools import combinations

import pytest

from ganeti.errors import InsufficientResources
from ganeti.placement.rolling import Maintenance, reboots
from ganeti.placement.snapshot import NO_NODE
from ganeti.placement.text import parse
from tests.unit.placement.clusters import cluster_text


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("offline", [False, True])
def test_every_node_is_rebooted_once_and_never_with_one_that_it_needs(seed, offline):
    snapshot = parse(cluster_text(seed)).snapshot
    nodes = [index for index, node in enumerate(snapshot.nodes) if not node.offline]
    try:
        found = reboots(snapshot, nodes, Maintenance(offline=offline, ignore_single=True))
    except InsufficientResources:
        pytest.fail("nothing had to be moved")
    assert sorted(node for reboot in found for node in reboot.nodes) == nodes
    mirrored = [instance for instance in snapshot.instances if instance.secondary != NO_NODE]
    for reboot in found:
        assert not any(set(instance.nodes) <= set(reboot.nodes) for instance in mirrored)
        leaving = [instance for instance in mirrored if instance.primary in reboot.nodes and not offline]
        for one, other in combinations(leaving, 2):
            assert one.primary == other.primary or one.secondary != other.secondary


@pytest.mark.parametrize("seed", range(60))
def test_what_has_no_secondary_goes_to_a_node_that_stays_up(seed):
    snapshot = parse(cluster_text(seed)).snapshot
    nodes = [index for index, node in enumerate(snapshot.nodes) if not node.offline]
    try:
        found = reboots(snapshot, nodes, Maintenance())
    except InsufficientResources:
        return  # there is a node that cannot be freed, and it was said
    for reboot in found:
        moves = dict(reboot.moves)
        single = {
            i for i, it in enumerate(snapshot.instances) if it.secondary == NO_NODE and it.primary in reboot.nodes
        }
        assert moves.keys() == single
        assert not {target for (target,) in moves.values()} & set(reboot.nodes)
