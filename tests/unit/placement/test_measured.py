# SPDX-License-Identifier: BSD-2-Clause
import msgspec
import pytest

from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.move import Move, MoveKind
from ganeti.placement.demand import Resource
from ganeti.placement.measured import with_loads_of_instances, with_loads_of_nodes
from ganeti.placement.occupancy import Occupancy
from ganeti.placement.snapshot import NO_NODE, Snapshot, Status
from ganeti.placement.text import parse
from tests.unit.placement.reports import CLUSTER


@pytest.fixture
def cluster():
    return parse(CLUSTER).snapshot


def loads(snapshot: Snapshot) -> list[float]:
    return [round(load, 9) for load in Occupancy(snapshot).used[Resource.CPU_LOAD].tolist()]


def test_a_nodes_load_is_shared_by_virtual_processors_and_those_of_the_node_itself(cluster):
    measured = with_loads_of_nodes(cluster, [8.0, 4.0, 3.0])
    assert [instance.load.cpu for instance in measured.instances] == [4.0, 2.0, 3.2, 1.0]
    assert [round(node.other_load, 9) for node in measured.nodes] == [2.0, 0.8, 2.0]
    assert loads(measured) == [8.0, 4.0, 3.0]


def test_only_what_an_instance_makes_moves_with_it(cluster):
    balance = Balance(with_loads_of_nodes(cluster, [8.0, 4.0, 3.0]))
    balance.make(Move(0, MoveKind.FAILOVER, NO_NODE))
    assert loads(balance.snapshot) == [4.0, 8.0, 3.0]
    assert balance.occupancy.used[Resource.CPU_LOAD].tolist() == pytest.approx([4.0, 8.0, 3.0])


def test_a_node_without_processors_in_use_keeps_its_load(cluster):
    nodes = [msgspec.structs.replace(node, node_cpus=0) for node in cluster.nodes]
    offline = [msgspec.structs.replace(instance, status=Status.ADMIN_OFFLINE) for instance in cluster.instances]
    measured = with_loads_of_nodes(cluster.with_nodes(nodes).with_instances(offline), [8.0, 4.0, 3.0])
    assert {instance.load.cpu for instance in measured.instances} == {0.0}
    assert loads(measured) == [8.0, 4.0, 3.0]


def test_measuring_again_forgets_what_was_measured(cluster):
    once = with_loads_of_nodes(cluster, [8.0, 4.0, 3.0])
    assert with_loads_of_nodes(with_loads_of_nodes(cluster, [1.0, 2.0, 3.0]), [8.0, 4.0, 3.0]) == once


def test_loads_of_instances_are_all_that_their_nodes_have(cluster):
    by_name = {instance.name: float(index) for index, instance in enumerate(cluster.instances)}
    measured = with_loads_of_instances(with_loads_of_nodes(cluster, [8.0, 4.0, 3.0]), by_name)
    assert loads(measured) == [1.0, 2.0, 3.0]
    assert {instance.load.memory for instance in measured.instances} == {1.0}
