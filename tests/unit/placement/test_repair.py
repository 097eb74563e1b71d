# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.placement.repair import Repair, cases
from ganeti.placement.snapshot import Group, Instance, Node, Snapshot, Template


def snapshot(*, offline, tags=(), group_tags=(), cluster_tags=(), template=Template.DRBD):
    nodes = tuple(Node(name=name, group=0, offline=name in offline) for name in "ab")
    secondary = 1 if template is Template.DRBD else -1
    web = Instance(name="web", memory=1, disk=1, vcpus=1, primary=0, secondary=secondary, template=template, tags=tags)
    return Snapshot(
        groups=(Group(name="g", uuid="g", tags=group_tags),), nodes=nodes, instances=(web,), tags=cluster_tags
    )


def tag(word):
    return (f"ganeti:watcher:autorepair:{word}",)


@pytest.mark.parametrize(
    ("offline", "template", "needed"),
    [
        ("b", Template.DRBD, Repair.FIX_STORAGE),
        ("a", Template.DRBD, Repair.FAILOVER),
        ("ab", Template.DRBD, Repair.REINSTALL),
        ("a", Template.PLAIN, Repair.REINSTALL),
    ],
)
def test_what_is_needed_follows_from_the_nodes_that_are_offline(offline, template, needed):
    (case,) = cases(snapshot(offline=offline, template=template))
    assert (case.needed, case.permitted) == (needed, False)


def test_a_healthy_instance_and_one_with_other_disks_is_no_case():
    assert cases(snapshot(offline="")) == []
    assert cases(snapshot(offline="a", template=Template.EXT)) == []


def test_the_nearest_tag_wins_and_of_several_the_least_destructive():
    near = snapshot(offline="a", tags=tag("failover"), cluster_tags=tag("fix-storage"))
    assert cases(near)[0].permitted
    both = snapshot(offline="a", cluster_tags=tag("fix-storage") + tag("reinstall"))
    assert cases(both)[0].allowed is Repair.FIX_STORAGE


def test_what_is_suspended_is_not_permitted():
    assert not cases(snapshot(offline="a", tags=tag("failover"), group_tags=tag("suspend")))[0].permitted
