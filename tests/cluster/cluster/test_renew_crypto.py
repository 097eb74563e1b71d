# SPDX-License-Identifier: BSD-2-Clause
"""Keys and certificates are renewed while the cluster runs."""

import pytest

from ganeti import errors
from ganeti.bootstrap.join.bundles import Notary
from ganeti.host.certificates import (
    create_authority,
    create_node_credentials,
    create_server_credentials,
    issued_by,
    request_certificate,
    split,
)
from ganeti.node.membership import enter
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping
from ganeti.rpc.memory import MemoryTransport
from tests.cluster.cluster.verify.findings import found
from tests.cluster.papers import AUTHORITY, credentials, first_certificate

NAMES = ("node1", "node2", "node3")


class OldPapers:
    """What a machine had before, as somebody who has copied it."""

    def __init__(self, papers):
        papers.shown()
        self.certificate, self._shown = papers.certificate, papers.shown()

    def shown(self):
        return self._shown

    def believes(self, other):
        return True


async def renew(cluster, **what):
    return await cluster.run("OP_CLUSTER_RENEW_CRYPTO", **(what or {"cluster_certificate": True}))


def trusted(cluster, name):
    return split(cluster.nodes[name].paths.ca_certificate.read_bytes())


def shown(cluster):
    return {name: cluster.nodes[name].papers.shown().certificate for name in NAMES}


def on_record(cluster):
    return {node.name: (node.certificate, node.next_certificate) for node in cluster.state.nodes}


async def everybody_answers(cluster):
    answers = await cluster.master.nodes.call_all(cluster.state.online_nodes, Ping())
    return {name: getattr(answer, "name", answer) for name, answer in answers.items()} == {n: n for n in answers}


async def test_a_new_authority_signs_everything_and_only_it_is_trusted(cluster):
    await renew(cluster)
    (authority,) = trusted(cluster, "node1")
    assert authority != AUTHORITY.certificate
    assert [trusted(cluster, name) for name in NAMES] == [[authority]] * 3
    assert all(issued_by(cluster.nodes[name].papers.certificate, [authority]) for name in NAMES)
    assert on_record(cluster) == {name: (certificate, "") for name, certificate in shown(cluster).items()}
    assert {cluster.nodes[name].paths.ca_key.read_text() for name in NAMES} == {
        cluster.nodes["node1"].paths.ca_key.read_text()
    }
    await cluster.add("web1")


async def test_nodes_certificates_alone_are_renewed_under_the_same_authority(cluster):
    await renew(cluster, node_certificates=True)
    assert [split(AUTHORITY.certificate)] * 3 == [trusted(cluster, name) for name in NAMES]
    assert all(shown(cluster)[name] != first_certificate(name) for name in NAMES)
    assert on_record(cluster) == {name: (certificate, "") for name, certificate in shown(cluster).items()}


@pytest.mark.parametrize("what", ["cluster_certificate", "node_certificates"])
async def test_the_masters_old_certificate_makes_no_master_any_more(cluster, what):
    old = OldPapers(cluster.nodes["node1"].papers)
    await renew(cluster, **{what: True})
    thief = NodeClient(MemoryTransport(cluster.network, old, "10.0.0.9"), "node1", lambda: 7)
    with pytest.raises((errors.NodeUnreachable, errors.NodeRefused)):
        await thief.call(cluster.node("node2"), Ping())


async def test_a_stolen_key_of_a_node_answers_for_no_other_node(cluster):
    two = cluster.nodes["node2"]
    two.paths.node_certificate.write_bytes(credentials("node3").together)
    with pytest.raises(errors.NodeUnreachable, match="node2"):
        await cluster.master.nodes.call(cluster.node("node2"), Ping())


async def test_a_certificate_of_the_right_name_that_is_not_on_record_is_not_called(cluster):
    forged = create_node_credentials(AUTHORITY, "node2").together
    cluster.nodes["node2"].paths.node_certificate.write_bytes(forged)
    with pytest.raises(errors.NodeUnreachable, match="not on record"):
        await cluster.master.nodes.call(cluster.node("node2"), Ping())


async def test_nothing_is_renewed_as_long_as_a_node_is_silent(cluster):
    cluster.network.cut_off.add("10.0.0.3")
    with pytest.raises(errors.WrongState, match="node3"):
        await renew(cluster)
    assert shown(cluster) == {name: first_certificate(name) for name in NAMES}


@pytest.mark.parametrize("call", ["keys.trust", "keys.request", "node.save", "keys.take", "node.write-ssconf"])
async def test_a_node_that_falls_silent_stops_the_renewal_breaks_nothing_and_the_next_completes_it(
    cluster, monkeypatch, call
):
    exchange, begun = MemoryTransport.exchange, []

    def cut(self, address, request, deadline):
        begun.extend([True] if b"keys.trust" in request else [])
        if begun and address.name == "node2" and f'"call":"{call}'.encode() in request:
            cluster.network.cut_off.add(address.host)
        return exchange(self, address, request, deadline)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryTransport, "exchange", cut)
        with pytest.raises(errors.ExecutionFailed, match=r"node2.*run 'gnt-cluster renew-crypto' again"):
            await renew(cluster)
    cluster.network.cut_off.clear()
    assert await everybody_answers(cluster)
    await renew(cluster)
    assert await everybody_answers(cluster)
    assert len({tuple(trusted(cluster, name)) for name in NAMES}) == 1
    assert len(trusted(cluster, "node2")) == 1


async def test_an_offline_node_is_named_and_can_be_added_again(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True, force=True)
    number = await cluster.submit("OP_CLUSTER_RENEW_CRYPTO", cluster_certificate=True)
    await cluster.finished(number)
    assert "gnt-node add --readd node3" in " ".join(cluster.log(number))
    with pytest.raises(errors.WrongState, match="keys were renewed"):
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
    with pytest.raises(errors.WrongState):
        await cluster.run("OP_NODE_ADD", node_name="node3", readd=True)
    set_up_again(cluster, "node3")
    await cluster.run("OP_NODE_ADD", node_name="node3", readd=True)
    assert await everybody_answers(cluster)


def set_up_again(cluster, name):
    """As 'gnt-node add' does over ssh."""
    key, request = request_certificate("joining")
    enter(cluster.nodes[name].paths, Notary(cluster.nodes["node1"].paths).bundle(name, request), key)


async def test_the_remote_apis_certificate_is_replaced_on_all_candidates_by_one_that_is_given(cluster):
    given = create_server_credentials(create_authority("another"), "api").decode()
    await renew(cluster, rapi_certificate=given)
    assert [cluster.nodes[name].paths.rapi_certificate.read_text() for name in NAMES] == [given + "\n"] * 3
    assert shown(cluster) == {name: first_certificate(name) for name in NAMES}
    await renew(cluster)
    assert cluster.nodes["node2"].paths.rapi_certificate.read_text().strip() == given.strip()


async def test_the_remote_apis_certificate_of_the_old_authority_goes_with_it(cluster):
    await renew(cluster, new_rapi_certificate=True)
    path = cluster.nodes["node2"].paths.rapi_certificate
    assert issued_by(path.read_bytes(), [AUTHORITY.certificate])
    await renew(cluster)
    assert issued_by(path.read_bytes(), trusted(cluster, "node2"))


async def test_all_nodes_get_a_new_key_of_ganeti_confd_and_nothing_else_is_renewed(cluster):
    before = cluster.state
    await cluster.run("OP_CLUSTER_RENEW_CRYPTO", new_confd_hmac_key=True)
    key = cluster.state.cluster.confd_key
    assert len(key) == 40
    assert key != before.cluster.confd_key
    assert {node.paths.confd_key.read_text() for node in cluster.nodes.values()} == {f"{key}\n"}
    assert [node.certificates for node in cluster.state.nodes] == [node.certificates for node in before.nodes]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({}, "Nothing to renew"),
        ({"rapi_certificate": "nonsense"}, "must hold a certificate and its key .* no certificate in it can be read$"),
        ({"renew_ssh_keys": True}, "belongs to the SSH keys of nodes, which are the administrator's"),
    ],
)
async def test_what_is_not_there_or_no_good_is_refused_with_the_reason(cluster, what, why):
    with pytest.raises(errors.WrongInput, match=why):
        await cluster.run("OP_CLUSTER_RENEW_CRYPTO", **what)


async def test_verify_tells_of_a_renewal_that_has_stopped(cluster):
    path = cluster.nodes["node2"].paths.ca_certificate
    path.write_bytes(path.read_bytes() + create_authority("cluster").certificate)
    (finding,) = await found(cluster)
    assert finding.startswith("WARNING:ECLUSTERCERT::old and new certificates are both good on or of node node2")


def spice(cluster, name):
    paths = cluster.nodes[name].paths
    return [path.read_text() if path.exists() else "" for path in (paths.spice_certificate, paths.spice_authority)]


def an_own_certificate(name="console"):
    """(certificate with key, its authority), of somebody else's."""
    authority = create_authority("company")
    return create_server_credentials(authority, name).decode(), authority.certificate.decode()


async def test_every_node_gets_a_certificate_of_spice_that_names_it(cluster):
    await renew(cluster, new_spice_certificate=True)
    certificate, authority = spice(cluster, "node3")
    assert authority.encode() == AUTHORITY.certificate
    assert issued_by(certificate.encode(), [AUTHORITY.certificate])
    assert [spice(cluster, name) for name in NAMES] == [[certificate, authority]] * 3
    assert cluster.nodes["node2"].paths.spice_certificate.stat().st_mode & 0o77 == 0
    assert await found(cluster) == []


async def test_a_node_that_has_lost_its_certificate_of_spice_is_named_and_gets_it_again(cluster):
    await renew(cluster, new_spice_certificate=True)
    await cluster.master.facts.settled(60)
    cluster.nodes["node2"].paths.spice_certificate.unlink()
    told = await found(cluster)
    assert [text for text in told if "node2" in text and "spice.pem" in text]
    await cluster.run("OP_CLUSTER_REDIST_CONF")
    assert spice(cluster, "node2") == spice(cluster, "node1")


async def test_the_certificate_of_spice_goes_with_the_authority_that_has_signed_it(cluster):
    await renew(cluster, new_spice_certificate=True)
    await renew(cluster)
    certificate, authority = spice(cluster, "node2")
    assert [authority.encode()] == trusted(cluster, "node2")
    assert issued_by(certificate.encode(), [authority.encode()])


async def test_a_certificate_of_spice_of_the_administrators_stays_until_he_replaces_it(cluster):
    own = an_own_certificate()
    await renew(cluster, spice_certificate=own[0], spice_ca_certificate=own[1])
    await renew(cluster)
    assert spice(cluster, "node2") == list(own)


async def test_without_a_certificate_of_spice_no_file_of_the_administrators_is_touched(cluster):
    cluster.nodes["node2"].paths.spice_certificate.write_text("by hand")
    await renew(cluster)
    assert spice(cluster, "node2") == ["by hand", ""]


async def test_the_domain_secret_is_the_same_on_all_candidates_and_changes_when_it_is_renewed(cluster):
    def secrets():
        return {cluster.nodes[name].paths.domain_secret.read_text() for name in NAMES}

    await renew(cluster, new_cluster_domain_secret=True)
    (first,) = secrets()
    await renew(cluster, new_cluster_domain_secret=True)
    assert first not in secrets()
    await renew(cluster, cluster_domain_secret=first.strip())
    assert secrets() == {first}
    assert cluster.nodes["node1"].paths.domain_secret.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"new_spice_certificate": True, "spice_certificate": "x", "spice_ca_certificate": "x"}, "not both"),
        ({"spice_certificate": an_own_certificate()[0]}, "go together"),
        (
            {"spice_certificate": an_own_certificate()[0], "spice_ca_certificate": an_own_certificate()[1]},
            "not of the authority that signed",
        ),
        ({"spice_certificate": "nonsense", "spice_ca_certificate": "nonsense"}, "no certificate in it can be read"),
        ({"cluster_domain_secret": "short"}, "8 to 1024 characters"),
        ({"new_cluster_domain_secret": True, "cluster_domain_secret": "longenough"}, "not both"),
        ({"renew_ssh_keys": True}, "SSH keys of nodes"),
    ],
)
async def test_what_cannot_be_taken_is_told_and_nothing_is_renewed(cluster, what, told):
    with pytest.raises(errors.WrongInput, match=told):
        await renew(cluster, **what)
    assert spice(cluster, "node1") == ["", ""]
    assert not cluster.nodes["node1"].paths.domain_secret.exists()
