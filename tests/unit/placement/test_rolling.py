# SPDX-License-Identifier: BSD-2-Clause
"""Groups of nodes to be rebooted, checked by what has to hold for them."""

from itertools import combinations

import pytest

from ganeti.errors import InsufficientResources
from ganeti.placement.rolling import Maintenance, reboots
from ganeti.placement.snapshot import NO_NODE
from ganeti.placement.text import parse
from tests.unit.placement.clusters import cluster_text

ALONE = """g|u|preferred||

a|8192|0|4096|100000|90000|8|M|u|1
b|8192|0|8192|100000|90000|8|N|u|1

i|2048|100|1|running|Y|a||ext||1
j|128|100|1|running|Y|a|b|drbd||1

"""


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("offline", [False, True])
def test_every_node_is_rebooted_once_and_never_with_one_that_it_needs(seed, offline):
    snapshot = parse(cluster_text(seed)).snapshot
    nodes = [index for index, node in enumerate(snapshot.nodes) if not node.offline]
    found = reboots(snapshot, nodes, Maintenance(offline=offline, ignore_single=True)) if nodes else []
    assert sorted(node for reboot in found for node in reboot.nodes) == nodes
    mirrored = [instance for instance in snapshot.instances if instance.secondary != NO_NODE]
    existing = [instance for instance in mirrored if not instance.forthcoming]
    for reboot in found:
        assert not any(set(instance.nodes) <= set(reboot.nodes) for instance in mirrored)
        leaving = [instance for instance in existing if instance.primary in reboot.nodes and not offline]
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
            index
            for index, it in enumerate(snapshot.instances)
            if it.secondary == NO_NODE and it.primary in reboot.nodes and not it.forthcoming
        }
        assert moves.keys() == single
        assert not {target for (target,) in moves.values()} & set(reboot.nodes)


def test_what_has_no_secondary_leaves_though_all_the_others_are_shut_down():
    snapshot = parse(ALONE).snapshot
    (reboot, last) = reboots(snapshot, [0, 1], Maintenance(offline=True))
    assert (reboot.nodes, reboot.moves) == ((1,), ())
    assert (last.nodes, last.moves) == ((0,), ((0, (1,)),))
    with pytest.raises(InsufficientResources):
        reboots(parse(ALONE.replace("|2048|", "|9000|")).snapshot, [0, 1], Maintenance(offline=True))


def test_without_nodes_there_is_no_graph():
    with pytest.raises(InsufficientResources, match="Cannot create node graph"):
        reboots(parse(ALONE).snapshot, [], Maintenance())
