# SPDX-License-Identifier: BSD-2-Clause
"""What a lab is made of."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ganeti.errors import InsufficientResources, WrongInput
from ganeti.lab.plan import LabPlan, decode, free_network, node_names


def plan(**more):
    return LabPlan(**{"name": "demo", "nodes": node_names(3), "network": IPv4Network("10.77.0.0/24")} | more)


def test_the_network_chosen_overlaps_none_that_the_machine_uses():
    taken = [IPv4Network("10.77.0.0/23"), IPv4Network("10.77.2.7/32"), IPv4Network("192.0.2.0/24")]
    assert free_network(taken) == IPv4Network("10.77.3.0/24")


def test_a_default_route_takes_no_network():
    assert free_network([IPv4Network("0.0.0.0/0")]) == IPv4Network("10.77.0.0/24")


def test_a_machine_that_uses_every_network_gets_no_lab():
    with pytest.raises(InsufficientResources, match=r"10\.77\.0\.0/16"):
        free_network([IPv4Network("10.0.0.0/8")])


def test_every_node_finds_nodes_cluster_and_guests_by_full_and_short_name():
    lines = plan().hosts().splitlines()
    assert "10.77.0.1 node1.lab.test node1" in lines
    assert "10.77.0.100 cluster.lab.test cluster" in lines
    assert "10.77.0.101 guest1.lab.test guest1" in lines


def test_nodes_have_different_locally_administered_macs():
    macs = {plan().mac(node) for node in plan().nodes}
    assert len(macs) == 3
    assert all(mac.startswith("02:") for mac in macs)


def test_a_plan_that_was_written_down_is_read_back():
    made = plan(reachable=True, visible=(Path("/srv/clone"),), provider=Path("/srv/clone/.cache/os/tiny"))
    assert decode(made.encode()) == made
    assert decode(plan().encode()) == plan()


@pytest.mark.parametrize("name", ["", "Demo", "a/b", "..", "elevenchars"])
def test_a_lab_has_a_name_that_is_fit_for_paths_and_interfaces(name):
    with pytest.raises(WrongInput):
        plan(name=name)


def test_the_number_of_nodes_has_limits():
    with pytest.raises(WrongInput):
        node_names(0)
    with pytest.raises(WrongInput):
        node_names(99)
