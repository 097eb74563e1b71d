# SPDX-License-Identifier: BSD-2-Clause
"""The cluster gets another name and address, or all that speaks against it is told."""

import pytest
from cryptography import x509

from ganeti import errors
from ganeti.host.certificates import create_authority, create_server_credentials
from ganeti.model.entity import evolve
from ganeti.node.membership import candidate_files
from tests.cluster.papers import AUTHORITY

NAMES = ("node1", "node2", "node3")


@pytest.fixture
async def addressed(cluster):
    """With an address of its own, and a new name in the DNS."""
    own = evolve(cluster.state.cluster, master_ip="10.0.0.100", master_netdev="br0")
    await cluster.master.configuration.commit([own])
    await cluster.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
    cluster.resolver.names |= {"cluster2": "10.0.0.101", "alias": "10.0.0.100"}
    return cluster


def held(cluster):
    return cluster.nodes["node1"].equipment.address.held.address


def certified(cluster, authority=AUTHORITY):
    """All candidates have a certificate of the remote API, of that authority."""
    for name in NAMES:
        cluster.nodes[name].paths.rapi_certificate.write_bytes(create_server_credentials(authority, "cluster"))


def names_shown(cluster, node):
    pem = cluster.nodes[node].paths.rapi_certificate.read_bytes()
    extensions = x509.load_pem_x509_certificate(pem).extensions
    return extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


async def test_the_name_the_address_and_what_every_node_knows_of_them_change(addressed):
    assert await addressed.run("OP_CLUSTER_RENAME", name="cluster2") == "cluster2"
    assert (addressed.state.cluster.name, addressed.state.cluster.master_ip) == ("cluster2", "10.0.0.101")
    assert held(addressed) == "10.0.0.101"
    for name in NAMES:
        paths = addressed.nodes[name].paths
        assert paths.ssconf("cluster_name").read_text() == "cluster2\n"
        assert paths.ssconf("master_ip").read_text() == "10.0.0.101\n"


async def test_a_second_name_of_the_same_address_leaves_the_address_alone(addressed):
    addressed.nodes["node1"].equipment.address.others["10.0.0.100"] = "somebody"
    assert await addressed.run("OP_CLUSTER_RENAME", name="alias") == "alias"
    assert held(addressed) == "10.0.0.100"


async def test_an_address_that_was_deactivated_stays_down(addressed):
    await addressed.run("OP_CLUSTER_DEACTIVATE_MASTER_IP")
    await addressed.run("OP_CLUSTER_RENAME", name="cluster2")
    assert addressed.nodes["node1"].equipment.address.held is None


async def test_the_remote_api_answers_by_both_names_on_every_candidate(addressed):
    certified(addressed)
    await addressed.run("OP_CLUSTER_RENAME", name="cluster2")
    assert [names_shown(addressed, name) for name in NAMES] == [["cluster2", "cluster"]] * 3


async def test_a_certificate_of_another_authority_stays(addressed):
    certified(addressed, create_authority("elsewhere"))
    before = candidate_files(addressed.nodes["node1"].paths)["rapi.pem"]
    await addressed.run("OP_CLUSTER_RENAME", name="cluster2")
    assert candidate_files(addressed.nodes["node1"].paths)["rapi.pem"] == before


async def test_a_candidate_that_is_silent_is_named_and_the_cluster_has_its_name(addressed):
    certified(addressed)
    addressed.network.cut_off.add("10.0.0.3")
    number = await addressed.submit("OP_CLUSTER_RENAME", name="cluster2")
    await addressed.finished(number)
    assert addressed.state.cluster.name == "cluster2"
    assert any("node3" in text and "redist-conf" in text for text in addressed.log(number))


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("cluster", "10.0.0.100", "is named cluster already, and has its address"),
        ("cluster2", "10.0.0.2", "address of node node2, 10.0.0.2"),
        ("node3", "10.0.0.101", "node3 is the name of node node3"),
        ("cluster2", "10.0.0.7", "in use already, by a machine that accepts connections"),
        ("cluster2", "10.0.0.8", "in use already, by the machine with the MAC address aa:00:00:00:00:08"),
        ("nowhere", None, "has no address"),
    ],
)
async def test_a_name_that_cannot_be_the_clusters_is_refused_and_nothing_changes(addressed, name, address, told):
    before = addressed.state.cluster
    addressed.resolver.names |= {name: address} if address else {}
    addressed.resolver.alive.add("10.0.0.7")
    others = addressed.nodes["node1"].equipment.address.others
    others["10.0.0.8"] = "the machine with the MAC address aa:00:00:00:00:08"
    with pytest.raises(errors.CheckFailed, match=told):
        await addressed.run("OP_CLUSTER_RENAME", name=name)
    assert addressed.state.cluster == before
    assert held(addressed) == "10.0.0.100"


async def test_everything_that_is_wrong_with_a_name_is_told_at_once(addressed):
    addressed.resolver.names["node3"] = "10.0.0.3"
    with pytest.raises(errors.CheckFailed, match=r"(?s)is the name of node node3.*has the address of node node3"):
        await addressed.run("OP_CLUSTER_RENAME", name="node3")
