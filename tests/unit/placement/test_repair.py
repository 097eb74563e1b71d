# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.placement.repair import Action, Record, Repair, Verdict, cases, expired, judge, record_of
from ganeti.placement.snapshot import Group, Instance, Node, Snapshot, Template

NOW = 1000.0
PENDING = Record(Repair.FAILOVER, "abc", 900, (7, 8))


def snapshot(*, offline, tags=(), group_tags=(), cluster_tags=(), template=Template.DRBD):
    nodes = tuple(Node(name=name, group=0, offline=name in offline) for name in "ab")
    secondary = 1 if template is Template.DRBD else -1
    web = Instance(name="web", memory=1, disk=1, vcpus=1, primary=0, secondary=secondary, template=template, tags=tags)
    return Snapshot(
        groups=(Group(name="g", uuid="g", tags=group_tags),), nodes=nodes, instances=(web,), tags=cluster_tags
    )


def only_case(**state):
    (case,) = cases(snapshot(**state), NOW)
    return case


def tag(*words):
    return tuple(f"ganeti:watcher:autorepair:{word}" for word in words)


@pytest.mark.parametrize(
    ("offline", "template", "needed"),
    [
        ("b", Template.DRBD, Repair.FIX_STORAGE),
        ("a", Template.DRBD, Repair.FAILOVER),
        ("ab", Template.DRBD, Repair.REINSTALL),
        ("a", Template.PLAIN, Repair.REINSTALL),
        ("a", Template.SHAREDFILE, Repair.FAILOVER),
    ],
)
def test_what_is_needed_follows_from_the_nodes_that_are_offline(offline, template, needed):
    case = only_case(offline=offline, template=template)
    assert (case.needed, case.permitted) == (needed, False)


def test_a_healthy_instance_and_one_with_files_of_its_node_is_no_case():
    assert cases(snapshot(offline=""), NOW) == []
    assert cases(snapshot(offline="a", template=Template.FILE), NOW) == []


def test_the_nearest_tag_wins_and_of_several_the_least_destructive():
    near = only_case(offline="a", tags=tag("failover"), cluster_tags=tag("fix-storage"))
    assert near.permitted
    both = only_case(offline="a", cluster_tags=tag("fix-storage", "reinstall"))
    assert both.permission.most is Repair.FIX_STORAGE


@pytest.mark.parametrize(
    ("tags", "group_tags", "cluster_tags", "permitted"),
    [
        (tag("failover", "suspend"), (), (), False),
        (tag("failover"), tag("suspend"), (), True),  # the nearest object counts
        (tag("suspend"), (), tag("failover"), False),
        ((), tag("suspend:1001"), tag("failover"), False),
        ((), tag("suspend:1000"), tag("failover"), True),
        (tag("suspend:1:2"), (), tag("failover"), True),  # no tag of ours
    ],
)
def test_a_suspension_holds_until_its_end(tags, group_tags, cluster_tags, permitted):
    case = only_case(offline="a", tags=tags, group_tags=group_tags, cluster_tags=cluster_tags)
    assert case.permitted is permitted
    assert judge(case, {}).state == ("Needs repair" if permitted else "Suspended")


def test_suspensions_that_are_over_are_found():
    assert expired(tag("suspend", "suspend:1000", "suspend:1001", "failover"), NOW) == list(tag("suspend:1000"))


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("pending:failover:abc:900:7+8", PENDING),
        ("pending:fix-storage:x-1:5:", Record(Repair.FIX_STORAGE, "x-1", 5)),
        ("result:failover:abc:950:success:7+8", PENDING.ended("success", 950)),
        ("result:reinstall:abc:950:enoperm:", Record(Repair.REINSTALL, "abc", 950, (), "enoperm")),
    ],
)
def test_a_repair_is_kept_in_a_tag(text, record):
    (written,) = tag(text)
    assert record_of(written) == record
    assert record.tag == written


@pytest.mark.parametrize("text", ["failover", "pending:failover:abc", "pending:pray:abc:9:", "pending:failover:a:b:c"])
def test_other_tags_are_no_repairs(text):
    assert record_of(*tag(text)) is None


@pytest.mark.parametrize(
    ("offline", "more", "jobs", "verdict"),
    [
        ("a", ("failover",), {7: "success", 8: "running"}, Verdict("Pending repair")),
        ("", (), {7: "success", 8: "waiting"}, Verdict("Pending repair")),
        ("a", ("failover",), {7: "success", 8: "error"}, Verdict("Failure", Action.END, "failure")),
        ("", (), {7: "canceled", 8: "success"}, Verdict("Failure", Action.END, "failure")),
        ("", (), {7: "success", 8: "success"}, Verdict("Healthy", Action.END, "success")),
        ("", (), {8: "success"}, Verdict("Healthy", Action.END, "success")),  # 7 is archived
        ("b", (), {7: "success", 8: "success"}, Verdict("Needs repair", Action.REPAIR)),  # it includes what is less
        ("ab", (), {7: "success", 8: "success"}, Verdict("Repair disallowed", Action.END, "enoperm")),
        ("a", ("suspend",), {7: "success", 8: "success"}, Verdict("Suspended")),
    ],
)
def test_a_repair_is_followed_until_it_ends(offline, more, jobs, verdict):
    assert judge(only_case(offline=offline, tags=(PENDING.tag, *tag(*more))), jobs) == verdict


def test_that_too_little_is_allowed_is_tagged_once():
    tags = tag("failover")
    denied = Verdict("Repair disallowed", Action.END, "enoperm")
    assert judge(only_case(offline="ab", tags=tags), {}) == denied
    tagged = Record(Repair.REINSTALL, "abc", 950, (), "enoperm")
    assert judge(only_case(offline="ab", tags=(*tags, tagged.tag)), {}) == Verdict("Repair disallowed")
    other = Record(Repair.FAILOVER, "abc", 950, (), "enoperm")
    assert judge(only_case(offline="ab", tags=(*tags, other.tag)), {}) == denied
    assert judge(only_case(offline="ab"), {}) == Verdict("Repair disallowed")


def test_what_has_failed_is_left_to_people_until_its_tag_is_gone():
    failed = PENDING.ended("failure", 950).tag
    assert judge(only_case(offline="a", tags=(failed, *tag("failover"))), {}) == Verdict("Failure")
    assert judge(only_case(offline="", tags=(failed,)), {}) == Verdict("Failure")
    assert cases(snapshot(offline="", tags=(PENDING.ended("success", 950).tag,)), NOW) == []
