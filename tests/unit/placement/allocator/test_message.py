# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong with a message is said in one line that names the entry."""

import copy

import msgspec
import pytest

from ganeti.errors import WrongInput
from ganeti.placement.allocator.message import read_message, request_of
from ganeti.placement.snapshot import Status
from tests.unit.placement.allocator.messages import allocation, evacuation, instance, message, node, relocation

NODES = {"node1": node(), "node2": node(), "node3": node()}
INSTANCES = {"web1": instance(nodes=["node1", "node2"])}


def read(made):
    found = read_message(msgspec.json.encode(made))
    return found.snapshot, request_of(found.snapshot, found.request)


def changed(path, value):
    """A message with something else at a dotted path; without it, if the value is ``...``."""
    made = copy.deepcopy(message(NODES, INSTANCES))
    *way, last = path.split(".")
    place = made
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return made


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("nodes.node2.total_memory", ..., r"node 'node2': key 'total_memory' not found"),
        ("nodes.node2.total_memory", "much", r"node 'node2': Expected .*total_memory"),
        ("nodes.node2.group", "attic", r"node 'node2': unknown group 'attic'"),
        ("nodes.node2.ndparams", {}, r"node 'node2': .*exclusive_storage"),
        ("instances.web1.nodes", ["node1", "node9"], r"instance 'web1': unknown node 'node9'"),
        ("instances.web1.nodes", [], r"instance 'web1': its list of nodes is empty"),
        ("instances.web1.memory", ..., r"instance 'web1': .*memory"),
        ("instances.web1.disk_template", "tape", r"instance 'web1': .*tape"),
        ("nodegroups.uuid-0.alloc_policy", "never", r"group 'uuid-0': .*never"),
        ("nodegroups.uuid-0.ipolicy", {}, r"group 'uuid-0': .*minmax"),
        ("nodes", ..., r"nodes"),
        ("request", [], r"request"),
        ("request.type", ..., r"'type' not found"),
        ("request.type", "guess", r"'guess'; known are allocate, "),
        ("request.memory", ..., r"request dict: .*memory"),
        ("request.group_name", "attic", r"unknown group 'attic'"),
        ("request", relocation("web9", "node1"), r"unknown instance 'web9'"),
        ("request", relocation("web1", "node9"), r"unknown node 'node9'"),
        ("request", evacuation("some", "web1"), r"'some'"),
    ],
)
def test_what_is_wrong_is_named(path, value, told):
    with pytest.raises(WrongInput, match=told) as caught:
        read(changed(path, value))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"request": 1}'])
def test_what_is_no_message_is_refused(text):
    with pytest.raises(WrongInput, match=r"iallocator message|IAllocator message"):
        read_message(text)


def test_a_node_that_is_offline_has_no_sizes():
    gone = {"group": "uuid-0", "offline": True, "drained": False, "ndparams": {"exclusive_storage": False}}
    snapshot, _ = read(message(NODES | {"node4": gone}))
    assert snapshot.nodes[3].offline
    assert snapshot.nodes[3].total_memory == 0


def test_a_node_that_is_drained_is_offline_to_placement_but_has_what_it_has():
    snapshot, _ = read(message(NODES | {"node4": node(drained=True)}))
    assert (snapshot.nodes[3].offline, snapshot.nodes[3].total_memory) == (True, 1000)


def test_under_kvm_a_node_is_taken_to_need_four_gib_for_itself():
    made = message({"node1": node(memory=20000)}) | {"enabled_hypervisors": ["kvm", "xen-pvm"]}
    assert read(made)[0].nodes[0].node_memory == 4096
    assert read_message(msgspec.json.encode(made), 0).snapshot.nodes[0].node_memory == 0


def test_the_admin_state_of_instances_is_kept():
    down = instance(nodes=["node1", "node2"], admin_state="down")
    snapshot, _ = read(message(NODES, {"web1": down}))
    assert snapshot.instances[0].status is Status.ADMIN_DOWN


def test_nodes_that_a_request_restricts_itself_to_and_that_are_not_there_are_passed_over():
    wanted = allocation("plain") | {"restrict-to-nodes": ["node2", "node9"]}
    _, request = read(message(NODES, request=wanted))
    assert request.nodes == (1,)
