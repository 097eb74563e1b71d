# SPDX-License-Identifier: BSD-2-Clause
"""What ganeti-confd answers; shapes as Ganeti 3.0.2's daemon gives them."""

import pytest

from ganeti.config.following import Followed
from ganeti.daemons.confd.answers import MOST_OBJECTS, Answers
from ganeti.daemons.confd.protocol import Answer, Query, QueryType, Status
from ganeti.model.cluster import Cluster
from ganeti.model.disk import Disk, DiskTemplate, Mirror
from ganeti.model.entity import evolve
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.node import Node
from tests.cluster.world import first_state

MIRRORED = Disk(
    uuid="disk-1",
    template=DiskTemplate.DRBD,
    size=1024,
    location="xenvg/a.disk0_data",
    nodes=("uuid-node1", "uuid-node2"),
    mirror=Mirror(port=11000, minors=(3, 4), secret="hush", metadata="xenvg/a.disk0_meta"),
)
WEB = Instance(
    uuid="uuid-web",
    name="web.example.com",
    primary_node="uuid-node1",
    hypervisor="fake",
    disk_template=DiskTemplate.DRBD,
    osparams_private={"password": "hush"},
    disks=(MIRRORED,),
    nics=(
        Nic(uuid="nic-1", mac="aa:00:00:00:00:01", ip="10.1.0.1"),
        Nic(uuid="nic-2", mac="aa:00:00:00:00:02", ip="10.2.0.1", nicparams={"link": "br9"}),
        Nic(uuid="nic-3", mac="aa:00:00:00:00:03"),
    ),
)


def state():
    made = first_state(
        nodes=5,
        candidates=2,
        nicparams={"link": "br0"},
        osparams_private={"debian": {"key": "hush"}},
        master_ip="10.9.9.9",
    )
    nodes = [evolve(made.find(Node, "node4"), offline=True), evolve(made.find(Node, "node5"), drained=True)]
    return made.changed([*nodes, WEB])


ANSWERS = Answers(Followed(state(), 42))


def ask(kind, query=None):
    return ANSWERS.to(Query(kind, "salt", query))


@pytest.mark.parametrize(
    ("kind", "query", "answer"),
    [
        (QueryType.NODE_ROLE, "node1", 0),
        (QueryType.NODE_ROLE, "node2", 1),
        (QueryType.NODE_ROLE, "node4", 2),
        (QueryType.NODE_ROLE, "node5", 3),
        (QueryType.NODE_ROLE, "node3", 4),
        (QueryType.NODE_ROLE, "uuid-node1", 0),
        (QueryType.NODE_OF_ADDRESS, {"1": "10.1.0.1"}, "10.0.0.1"),
        (QueryType.NODE_OF_ADDRESS, {"0": "br9", "1": "10.2.0.1"}, "10.0.0.1"),
        (QueryType.NODE_OF_ADDRESS, {"0": None, "2": ["10.1.0.1", "1.2.3.4"]}, [[0, "10.0.0.1", 42], [1, 0, 0]]),
        (QueryType.NODE_OF_ADDRESS, {}, []),
        (QueryType.MASTER, None, "node1"),
        (QueryType.MASTER, {"3": [0, 1, 2]}, ["node1", "10.9.9.9", "10.0.0.1"]),
        (QueryType.NODE_ADDRESSES, None, [f"10.0.0.{number}" for number in range(1, 6)]),
        (QueryType.CANDIDATE_ADDRESSES, None, ["10.0.0.1", "10.0.0.2"]),
        (QueryType.INSTANCE_ADDRESSES, None, ["10.1.0.1", "10.2.0.1"]),
        (QueryType.INSTANCE_ADDRESSES, "br9", ["10.2.0.1"]),
        (QueryType.INSTANCE_ADDRESSES, "br7", []),
        (QueryType.NODE_DRBD, "node2", [["node2", 4, "web.example.com", "disk/0", "secondary", "node1"]]),
        (QueryType.NODE_DRBD, "node1", [["node1", 3, "web.example.com", "disk/0", "primary", "node2"]]),
        (QueryType.NODE_DRBD, "node3", []),
        (QueryType.CONFIGURATION, "/cluster/cluster_name", "cluster"),
        (QueryType.CONFIGURATION, "/nodes/uuid-node4/offline", True),
        (QueryType.CONFIGURATION, "/version", 3000000),
        (QueryType.CONFIGURATION, "/serial_no", 42),
    ],
)
def test_what_is_asked_is_told_with_the_number_of_the_state(kind, query, answer):
    assert ask(kind, query) == Answer(Status.OK, answer, 42)


def test_a_ping_is_answered_with_the_version_of_the_configuration():
    assert ask(QueryType.PING) == Answer(Status.OK, 3000000, 0)


@pytest.mark.parametrize(
    ("kind", "query", "answer"),
    [
        (QueryType.NODE_ROLE, "node9", "Node 'node9' not known"),
        (QueryType.NODE_ROLE, None, 2),
        (QueryType.NODE_OF_ADDRESS, "10.1.0.1", 2),
        (QueryType.NODE_OF_ADDRESS, {"ip": "10.1.0.1"}, 2),
        (QueryType.NODE_OF_ADDRESS, {"1": "10.2.0.1"}, 0),
        (QueryType.NODE_OF_ADDRESS, {"2": ["1.2.3.4"] * 501}, 2),
        (QueryType.MASTER, "x", 2),
        (QueryType.MASTER, {"3": [7]}, 2),
        (QueryType.MASTER, {"3": ["0"]}, 2),
        (QueryType.INSTANCE_ADDRESSES, ["br0"], 2),
        (QueryType.NODE_INSTANCES, 5, 2),
        (QueryType.INSTANCE_DISKS, "nothing", "Instance 'nothing' not known"),
        (QueryType.CONFIGURATION, "cluster", 2),
        (QueryType.CONFIGURATION, "/cluster/nothing", 2),
        (QueryType.CONFIGURATION, "/cluster/cluster_name/x", 2),
        (QueryType.CONFIGURATION, "/nodes/nothing", 2),
        (QueryType.CONFIGURATION, "/", 2),
        (QueryType.CONFIGURATION, {}, 2),
    ],
)
def test_what_cannot_be_told_is_an_error(kind, query, answer):
    assert ask(kind, query) == Answer(Status.ERROR, answer)


@pytest.mark.parametrize("kind", [-1, 12, 99, 10**30])
def test_an_unknown_type_is_not_implemented(kind):
    assert ask(kind).status is Status.NOT_IMPLEMENTED


def test_instances_of_a_node_are_told_by_what_it_is_to_them():
    primary, secondary = ask(QueryType.NODE_INSTANCES, "node1").answer
    assert ([one["name"] for one in primary], secondary) == (["web.example.com"], [])
    primary, secondary = ask(QueryType.NODE_INSTANCES, "node2").answer
    assert (primary, [one["uuid"] for one in secondary]) == ([], ["uuid-web"])


def test_disks_of_an_instance_are_told_with_all_that_finds_them():
    (disk,) = ask(QueryType.INSTANCE_DISKS, "web").answer
    assert disk["logical_id"] == ["uuid-node1", "uuid-node2", 11000, 3, 4, ""]
    assert [child["logical_id"] for child in disk["children"]] == [["xenvg", "a.disk0_data"], ["xenvg", "a.disk0_meta"]]
    assert [child["size"] for child in disk["children"]] == [1024, 128]


def test_collectors_are_told_as_they_are_set():
    cluster = evolve(state().cluster, enabled_data_collectors={"lv": False}, data_collector_interval={"lv": 7})
    answers = Answers(Followed(state().changed([cluster]), 1))
    told = answers.to(Query(QueryType.COLLECTORS, "salt")).answer
    assert told["lv"] == {"active": False, "interval": 7}
    assert told["drbd"] == {"active": True, "interval": 5_000_000}


def test_no_answer_holds_a_secret():
    sections = ("cluster", "nodes", "nodegroups", "instances", "networks", "disks")
    queries = [(QueryType.CONFIGURATION, f"/{section}") for section in sections]
    queries += [(kind, name) for kind in QueryType for name in ("node1", "node2", "web", "uuid-web", None, {"3": [0]})]
    assert "hush" in repr(state())
    assert "hush" not in repr([ask(kind, query) for kind, query in queries])
    assert state().cluster.confd_key not in repr([ask(kind, query) for kind, query in queries])


def test_what_is_too_much_for_an_answer_is_told():
    many = [evolve(WEB, uuid=f"uuid-{n}", name=f"i{n}", disks=(), nics=()) for n in range(MOST_OBJECTS + 1)]
    answers = Answers(Followed(first_state().changed(many), 1))
    for query in (Query(QueryType.NODE_INSTANCES, "", "node1"), Query(QueryType.CONFIGURATION, "", "/instances")):
        assert answers.to(query).answer == "There are 501 of them; ganeti-confd tells 500 at most at once"
    assert answers.to(Query(QueryType.CONFIGURATION, "", "/instances/uuid-7/name")).answer == "i7"


def test_addresses_that_fit_into_no_datagram_are_not_counted_out():
    networks = [Network(uuid=f"n{n}", name=f"n{n}", network=f"10.{n}.0.0/{bits}") for n, bits in ((1, 16), (2, 24))]
    answers = Answers(Followed(first_state(networks=networks), 1))
    assert "65536 addresses" in answers.to(Query(QueryType.CONFIGURATION, "", "/networks/n1")).answer
    assert "65792 addresses" in answers.to(Query(QueryType.CONFIGURATION, "", "/networks")).answer
    assert len(answers.to(Query(QueryType.CONFIGURATION, "", "/networks/n2/ext_reservations")).answer) == 256


def test_a_state_knows_whether_addresses_were_looked_up():
    answers = Answers(Followed(state(), 1))
    assert not answers.prepared
    answers.to(Query(QueryType.INSTANCE_ADDRESSES, ""))
    assert answers.prepared
    assert isinstance(answers.followed.state.cluster, Cluster)
