# SPDX-License-Identifier: BSD-2-Clause
"""How many instances fit, on clusters where it can be counted by hand."""

import pytest

from ganeti.errors import WrongInput
from ganeti.placement.allocator.failure import Failure
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.quantity import mebibytes
from ganeti.placement.simulated import simulated
from ganeti.placement.snapshot import Template
from ganeti.placement.space.filling import Filler
from ganeti.placement.space.spec import InstanceSpec, spec_of
from ganeti.placement.text import parse

FREELY = Limits(capacity=False)


def spec(memory=1024, disk=10240, vcpus=1, template=Template.PLAIN):
    return InstanceSpec(memory=memory, disk=disk, vcpus=vcpus, spindles=1, template=template)


def test_a_node_takes_what_its_memory_allows_but_not_the_last_of_it():
    filled = Filler(simulated(["p,1,100g,8g,64,8"]), FREELY).standard(spec())
    assert len(filled.instances) == 7
    assert filled.reason is Failure.MEMORY


def test_the_example_of_the_design_document_fits_48_instances():
    filled = Filler(simulated(["p,6,204801,10241,21,1"]), Limits()).standard(
        spec(memory=1024, disk=10240, vcpus=2, template=Template.DRBD)
    )
    assert len(filled.instances) == 48


def test_room_for_the_death_of_a_node_is_not_filled():
    free = len(Filler(simulated(["p,3,100g,8g,64,8"]), FREELY).standard(spec()).instances)
    safe = len(Filler(simulated(["p,3,100g,8g,64,8"]), Limits()).standard(spec()).instances)
    assert (free, safe) == (21, 14)


def test_smaller_instances_follow_where_the_largest_do_not_fit():
    snapshot = simulated(["p,1,1000g,8g,64,8"])
    filled = Filler(snapshot, FREELY).tiered([spec(memory=5000)], snapshot.policy)
    assert [(it.memory, count) for it, count in filled.counts] == [(5000, 1), (3144, 1)]


LARGE = "65536,1,262144,1,1,1;131072,4,1048576,16,8,12"
SMALL = "2048,1,1024,1,1,1;8192,2,65536,16,8,12"
TWO_RANGES = f"""g|uuid-g|preferred||

node1|262144|65536|196608|2097152|2097152|8|N|uuid-g|1
node2|262144|65536|196608|2097152|2097152|8|N|uuid-g|1
node3|262144|1024|261120|2097152|2097152|8|N|uuid-g|1
node4|262144|1024|261120|2097152|2097152|8|N|uuid-g|1



|65536,2,262144,1,1,1|{LARGE};{SMALL}|drbd|4.0|32.0
g|65536,2,262144,1,1,1|{LARGE};{SMALL}|drbd|4.0|32.0
"""


def test_instances_of_a_policys_further_range_follow_those_of_the_first():
    snapshot = parse(TWO_RANGES).snapshot
    tiers = [spec_of(bounds.max, Template.DRBD) for bounds in snapshot.policy.minmax]
    filled = Filler(snapshot, Limits()).tiered(tiers, snapshot.policy)
    # As Ganeti's hspace 3.0.2 fills it.
    assert [(it.memory, it.disk, it.vcpus, count) for it, count in filled.counts] == [
        (131072, 1048576, 4, 2),
        (129984, 1048320, 4, 1),
        (8192, 65536, 2, 7),
        (8128, 1024, 2, 1),
    ]


def test_an_unallocable_group_is_left_alone():
    filled = Filler(simulated(["u,2,100g,8g,64,8"]), FREELY).standard(spec())
    assert filled.instances == []


def test_the_number_of_rounds_is_kept():
    assert len(Filler(simulated(["p,1,100g,8g,64,8"]), FREELY, rounds=3).standard(spec()).instances) == 3


@pytest.mark.parametrize(
    ("text", "size"),
    [("5", 5), ("2g", 2048), ("1GiB", 1024), ("1G", 953), ("3m", 3), ("1T", 953674), ("2tib", 2097152)],
)
def test_sizes_have_units(text, size):
    assert mebibytes(text, "memory") == size


@pytest.mark.parametrize("text", ["", "-1", "g", "1x", "1.5g"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(WrongInput, match="memory"):
        mebibytes(text, "memory")


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("p,1", "got 2"),
        ("p,1,1,1,1,1,True,1", "got 8"),
        ("x,1,1,1,1,1", "policy 'x'"),
        ("p,one,1,1,1,1", "node count 'one'"),
        ("p,1,1,1,1,1,yes", "exclusive storage 'yes'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(description, told):
    with pytest.raises(WrongInput, match=told):
        simulated([description])


@pytest.mark.parametrize(
    ("description", "spindles", "exclusive"),
    [("p,1,1g,1g,1", 1, False), ("p,1,1g,1g,1,4", 4, False), ("p,1,1g,1g,1,4,True", 4, True)],
)
def test_a_simulated_node_has_spindles_and_exclusive_storage_if_it_is_said_so(description, spindles, exclusive):
    (node,) = simulated([description]).nodes
    assert (node.spindles, node.exclusive_storage) == (spindles, exclusive)


def test_the_last_simulated_group_is_the_first():
    snapshot = simulated(["p,1,1g,1g,1", "u,2,1g,1g,1"])
    assert [str(group.alloc_policy) for group in snapshot.groups] == ["unallocable", "preferred"]
    assert [(node.name, node.master) for node in snapshot.nodes] == [
        ("node-01-001", True),
        ("node-01-002", False),
        ("node-02-001", False),
    ]


def test_nodes_that_fail_n1_already_are_filled_if_that_is_accepted():
    cluster = parse(_FAILING).snapshot
    mirrored = spec(template=Template.DRBD, memory=128, disk=1024)
    limits = Limits()
    assert not Filler(cluster, limits).standard(mirrored).tried
    independent = Filler(cluster, limits, independent=True).standard(mirrored)
    accepting = Filler(cluster, limits, accept_errors=True).standard(mirrored)
    assert {node for it in independent.instances for node in it.nodes} == {2, 3}
    assert {node for it in accepting.instances for node in it.nodes} == {0, 1, 2, 3}
    both = Filler(cluster, limits, independent=True, accept_errors=True).standard(mirrored)
    assert len(both.instances) == len(independent.instances)


# As Ganeti's hspace 3.0.2 answers: 8 instances with --independent-groups, 12 with --accept-existing-errors.
_FAILING = """g1|u1|preferred||
g2|u2|preferred||

n1|4096|0|3072|10000|9000|2|M|u1|1||N|0|1|1.0
n2|4096|0|400|10000|9000|2|N|u1|1||N|0|1|1.0
n3|4096|0|4096|10000|9000|2|N|u2|1||N|0|1|1.0
n4|4096|0|4096|10000|9000|2|N|u2|1||N|0|1|1.0

i1|1024|1000|1|running|Y|n1|n2|drbd||1


|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
g1|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
g2|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
"""
