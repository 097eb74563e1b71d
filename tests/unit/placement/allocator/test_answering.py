# SPDX-License-Identifier: BSD-2-Clause
"""What is answered to requests, by what an administrator expects of it."""

import msgspec
import pytest

from ganeti.placement.allocator.answering import answer
from ganeti.placement.allocator.limits import Limits
from ganeti.placement.allocator.message import read_message, request_of
from ganeti.placement.occupancy import Occupancy
from tests.unit.placement.allocator.messages import (
    allocation,
    by_chance,
    evacuation,
    instance,
    message,
    node,
    policy,
    relocation,
    spec,
)

FREELY = Limits(capacity=False)


def asked(made, limits=FREELY):
    found = read_message(msgspec.json.encode(made))
    return answer(found.snapshot, request_of(found.snapshot, found.request), limits)


def result(made, limits=FREELY):
    given, _ = asked(made, limits)
    assert given.success, given.info
    return given.result


def refusal(made, limits=FREELY):
    given, after = asked(made, limits)
    assert not given.success
    assert given.result == []
    assert after == read_message(msgspec.json.encode(made)).snapshot
    return given.info


def nodes(count, **more):
    return {f"node{number}": node(**more) for number in range(1, count + 1)}


def test_a_new_instance_goes_where_most_is_free():
    crowd = {f"i{n}": instance("plain", memory=200, nodes=[f"node{n % 2 + 1}"]) for n in range(4)}
    assert result(message(nodes(3), crowd, allocation("plain"))) == ["node3"]


def test_a_mirrored_instance_gets_two_nodes():
    chosen = result(message(nodes(3)))
    assert len(set(chosen)) == 2


def second(name="web1"):
    return {"type": "allocate-secondary", "name": name}


@pytest.mark.parametrize("template", ["plain", "drbd", "sharedfile", "diskless"])
def test_an_instance_gets_a_node_for_a_mirror_that_it_does_not_have(template):
    there = {"web1": instance(template, nodes=["node1"]), "web2": instance("plain", nodes=["node2"])}
    freely = policy(minmax=[{"min": spec(disk=0), "max": spec(disk=16, memory=9999, disk_size=99999)}])
    given, after = asked(message(nodes(3), there, second(), group_policy=freely))
    assert given.result == "node3"
    assert "successes 2, failures 0 () for node(s) node1/node3" in given.info
    assert after.nodes[after.instances[0].secondary].name == "node3"


def test_an_instance_has_one_mirror_at_most():
    made = message(nodes(3), {"web1": instance(nodes=["node1", "node2"])}, second())
    assert refusal(made) == "Request failed: Instance already has a secondary"


def test_why_no_node_can_have_the_mirror_is_told():
    there = {"web1": instance("plain", disk=9000, nodes=["node1"])}
    made = message(nodes(1) | {"node2": node(disk=5000)}, there, second())
    assert refusal(made) == "Request failed: No valid allocation solutions, failure reasons: FailDisk: 1"
    alone = message(nodes(1), there, second())
    assert refusal(alone) == "Request failed: No valid allocation solutions, failure reasons: unknown reasons"


def test_the_whole_memory_of_a_node_is_not_given_away():
    assert result(message(nodes(1), request=allocation("plain", memory=999))) == ["node1"]
    assert "FailMem: 1" in refusal(message(nodes(1), request=allocation("plain", memory=1000)))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"memory": 5000}, "FailMem: 2"),
        ({"disk": 200000}, "FailDisk: 2"),
        ({"vcpus": 7}, "FailCPU: 2"),
        ({"vcpus": 90}, "FailCPU: 2"),
        ({"spindle_use": 9}, "FailSpindles: 2"),
        ({"memory": 64}, "FailMem: 2"),
        ({"tags": ["service:web"]}, "FailTags: 2"),
    ],
)
def test_why_there_is_no_room_is_told_for_each_node(wanted, why):
    there = {f"web{n}": instance("plain", vcpus=2, tags=["service:web"], nodes=[f"node{n}"]) for n in (1, 2)}
    made = message(nodes(2, cpus=2), there, allocation("plain", **wanted), tags=["htools:iextags:service"])
    assert refusal(made).endswith(f"failure reasons: {why}")


def test_soft_limits_can_be_ignored():
    there = {"web1": instance("plain", tags=["service:web"], nodes=["node1"])}
    wanted = allocation("plain", tags=["service:web"], vcpus=8)
    made = message(nodes(1, cpus=1), there, wanted, tags=["htools:iextags:service"])
    refusal(made)
    assert result(made, Limits(capacity=False, ignore_soft=True)) == ["node1"]


def test_a_preferred_group_wins_over_a_better_one_of_last_resort_and_an_unallocable_one_is_never_used():
    there = {"a": node("uuid-0"), "b": node("uuid-1", memory=9000), "c": node("uuid-2")}
    made = message(there, request=allocation("plain"), groups=("unallocable", "last_resort", "preferred"))
    assert result(made) == ["c"]
    made["nodes"]["c"]["offline"] = True
    assert result(made) == ["b"]
    made["nodes"]["b"]["offline"] = True
    refusal(made)
    made["request"]["group_name"] = "group0"
    assert result(made) == ["a"]


def test_room_is_kept_for_the_death_of_every_node():
    there = {"big": instance("ext", memory=800, nodes=["node1"]), "small": instance("ext", memory=250, nodes=["node2"])}
    made = message(nodes(3), there, allocation("ext", memory=300))
    assert result(made) == ["node3"]
    assert result(made, Limits()) == ["node2"]  # or the big one could go nowhere
    made["request"]["memory"] = 790
    assert "FailMem: 2, FailN1: 1" in refusal(made, Limits())


def test_in_exclusive_storage_the_node_that_loses_least_is_chosen():
    own = {"ndparams": {"spindle_count": 4, "exclusive_storage": True}, "free_spindles": 4, "total_spindles": 4}
    there = {"node1": node(memory=600, **own), "node2": node(memory=512, **own)}
    given, _ = asked(message(there, request=allocation("plain", memory=130)))
    assert given.result == ["node1"]
    assert "score: ([1],98976)" in given.info


def test_an_instance_without_spindles_cannot_have_exclusive_storage():
    own = {"ndparams": {"spindle_count": 4, "exclusive_storage": True}, "free_spindles": 4, "total_spindles": 4}
    there = {"node1": node(**own), "node2": node(**own)}
    without = allocation("plain", disks=[{"mode": "rw", "size": 1024}])
    assert "FailSpindles: 2" in refusal(message(there, request=without))


def test_in_dedicated_groups_the_size_of_a_disk_counts_once_however_many_the_policy_wants():
    own = {"ndparams": {"spindle_count": 100, "exclusive_storage": True}, "free_spindles": 100, "total_spindles": 100}
    there = {"node1": node(memory=8192, cpus=30, **own), "node2": node(memory=8192, cpus=30, **own)}
    bounds = [{"min": spec(disk=2, disk_size=10240), "max": spec(disk=9, disk_size=10**6, memory=9999, cpu=9, nic=9)}]
    wanted = allocation("plain", disks=[{"mode": "rw", "size": 20480, "spindles": 1}] * 2, disk_space_total=40960)
    bounds[0]["max"]["spindle-use"] = 9
    given, _ = asked(message(there, request=wanted, group_policy=policy(minmax=bounds)))
    assert "score: ([4],59040)" in given.info


def test_a_group_that_lacks_a_network_of_the_instance_is_out_of_the_question():
    nic = {"ip": None, "mac": "aa:00:00:00:00:01", "bridge": "br0", "network": "net-1"}
    wanted = message(
        {"node1": node(), "node2": node("uuid-1")}, request=allocation("plain", nics=[nic]), groups=("preferred",) * 2
    )
    assert "group group0 is not connected to a network required by instance new" in refusal(wanted)
    wanted["nodegroups"]["uuid-1"]["networks"] = ["net-1"]
    assert result(wanted) == ["node2"]


def test_of_several_instances_all_are_placed_or_none():
    several = {"type": "multi-allocate", "instances": [allocation("plain", f"i{n}", memory=600) for n in range(3)]}
    placed, failed = result(message(nodes(3), request=several))
    assert sorted(found for _, (found,) in placed) == ["node1", "node2", "node3"]
    assert failed == []
    assert "FailMem: 2" in refusal(message(nodes(2), request=several))


def test_a_mirror_moves_to_the_best_other_node():
    there = {"db": instance(nodes=["node1", "node2"]), "x": instance("plain", nodes=["node3"])}
    assert result(message(nodes(4), there, relocation("db", "node2"))) == ["node4"]


def test_a_mirror_moves_to_a_node_without_the_memory_if_soft_limits_are_ignored_or_its_node_is_offline():
    """As Ganeti's hail does; a new instance still needs the memory on both nodes."""
    there = {"db": instance(memory=500, nodes=["node1", "node2"])}
    where = nodes(2) | {"node3": node(memory=300)}
    assert "Node node3 failed: FailMem" in refusal(message(where, there, relocation("db", "node2")))
    assert result(message(where, there, relocation("db", "node2")), Limits(ignore_soft=True)) == ["node3"]
    where["node2"]["offline"] = True
    assert result(message(where, there, relocation("db", "node2"))) == ["node3"]
    both = {"node1": node(), "node3": node(memory=300)}
    assert "FailMem" in refusal(message(both, {}, allocation(memory=500)), Limits(ignore_soft=True))


def test_disks_on_one_node_cannot_be_relocated():
    there = {"x": instance("plain", nodes=["node1"])}
    assert "non-mirrored" in refusal(message(nodes(2), there, relocation("x", "node1")))


def test_what_is_to_be_left_must_be_where_the_instance_is():
    there = {"db": instance(nodes=["node1", "node2"])}
    assert "secondary(1 versus [2])" in refusal(message(nodes(3), there, relocation("db", "node3")))


@pytest.mark.parametrize(
    ("mode", "moved", "jobs"),
    [
        ("primary-only", [["db", "group0", ["node2", "node1"]]], [["MIGRATE"]]),
        ("secondary-only", [["db", "group0", ["node1", "node4"]]], [["REPLACE_DISKS"]]),
        ("all", [["db", "group0", ["node4", "node3"]]], [["REPLACE_DISKS", "MIGRATE", "REPLACE_DISKS"]]),
    ],
)
def test_an_evacuation_says_where_instances_go_and_by_which_jobs(mode, moved, jobs):
    there = {"db": instance(nodes=["node1", "node2"]), "x": instance("plain", nodes=["node1"])}
    found = result(message(nodes(4), there, evacuation(mode, "db", "x")))
    assert found[0] == moved
    assert found[1] == [["x", "Instances of type plain cannot be relocated"]]
    assert [[op["OP_ID"].removeprefix("OP_INSTANCE_") for op in job] for job in found[2]] == jobs


def test_an_instance_that_changes_its_group_goes_to_none_of_its_own():
    there = {"web": instance("ext", nodes=["a"])}
    made = message(
        {"a": node("uuid-0"), "b": node("uuid-0"), "c": node("uuid-1")},
        there,
        {"type": "change-group", "instances": ["web"], "target_groups": []},
        groups=("preferred", "preferred"),
    )
    assert result(made)[0] == [["web", "group1", ["c"]]]


def test_migration_tags_keep_an_instance_where_it_is():
    there = {"web": instance("ext", nodes=["node3"])}
    where = nodes(2) | {"node3": node(tags=["cpu:new"])}
    made = message(where, there, relocation("web", "node3"), tags=["htools:migration:cpu"])
    assert "Node node1 failed: FailMig; Node node2 failed: FailMig;" in refusal(made)


@pytest.mark.parametrize("seed", range(80))
def test_the_cluster_afterwards_is_as_the_answer_says_and_takes_no_more_than_there_is(seed):
    made = by_chance(seed)
    given, after = asked(made, Limits())
    before = read_message(msgspec.json.encode(made)).snapshot
    if not given.success:
        assert after == before
        return
    was, now = Occupancy(before), Occupancy(after)
    assert now.equipment.disk == pytest.approx(was.equipment.disk)
    assert now.equipment.memory == pytest.approx(was.equipment.memory)
    grown = now.used[0] > was.used[0]
    assert (now.free_memory()[grown] > 0).all()
    assert not (now.fails_n1() & ~was.fails_n1() & grown).any()
