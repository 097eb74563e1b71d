# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.model.entity import evolve
from ganeti.model.group import Group
from ganeti.model.node import Node
from tests.cluster.world import first_state


@pytest.fixture
def state():
    """Four nodes: an ordinary one, an offline one, one that runs no guests, a drained one."""
    before = first_state(nodes=4)
    marks = {"node2": {"offline": True}, "node3": {"vm_capable": False}, "node4": {"drained": True}}
    return before.changed([evolve(before.find(Node, name), **mark) for name, mark in marks.items()])


def test_every_node_that_is_not_offline_can_be_asked(state):
    assert [node.name for node in state.online_nodes] == ["node1", "node3", "node4"]


def test_only_nodes_that_run_guests_can_be_asked_about_guests(state):
    assert [node.name for node in state.hosting_nodes] == ["node1", "node4"]


def test_new_instances_come_to_nodes_that_are_not_drained(state):
    assert [node.name for node in state.nodes if node.usable] == ["node1"]


def test_node_parameters_of_the_node_are_stronger_than_the_groups_and_those_than_the_clusters(state):
    group, node = state.groups[0], state.nodes[0]
    state = state.changed(
        [
            evolve(state.cluster, ndparams={"spindle_count": 2, "ssh_port": 2222, "cpu_speed": 2.0}),
            evolve(state.get(Group, group.uuid), ndparams={"spindle_count": 3, "ssh_port": 3333}),
            evolve(node, ndparams={"spindle_count": 4}),
        ]
    )
    found = state.node_parameters(state.get(Node, node.uuid))
    assert (found.spindle_count, found.ssh_port, found.cpu_speed, found.oob_program) == (4, 3333, 2.0, "")
