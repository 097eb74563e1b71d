# SPDX-License-Identifier: BSD-2-Clause
"""Whom a node obeys."""

import pytest

from ganeti.errors import EnvironmentUnfit, NodeRefused, StaleTerm
from ganeti.rpc.authority import Authority, Term, read_term
from ganeti.rpc.transport import Peer


def peer(name, certificate=None):
    return Peer(name, certificate or f"of {name}")


@pytest.fixture
def authority(path):
    return Authority(path, lambda: {"node1": ("of node1",), "node2": ()})


def test_the_master_of_the_known_term_is_obeyed(authority):
    authority.admit(peer("node1"), "node1", 3)


def test_an_older_term_is_refused_with_the_name_of_the_master(authority):
    with pytest.raises(StaleTerm, match="'node1' is, since term 3"):
        authority.admit(peer("node2"), "node2", 2)


def test_a_candidate_with_a_newer_term_becomes_the_master_and_is_remembered(authority, path):
    authority.admit(peer("node2"), "node2", 4)
    assert read_term(path) == Term(4, "node2")
    with pytest.raises(StaleTerm):
        authority.admit(peer("node1"), "node1", 3)


def test_a_node_that_is_no_candidate_cannot_become_master(authority, path):
    with pytest.raises(NodeRefused, match="not a master candidate"):
        authority.admit(peer("node9"), "node9", 4)
    assert read_term(path) == Term(3, "node1")


def test_another_node_cannot_act_in_the_masters_term(authority):
    with pytest.raises(NodeRefused, match="'node1' is, in term 3"):
        authority.admit(peer("node2"), "node2", 3)


def test_a_caller_whose_certificate_names_another_is_refused(authority):
    with pytest.raises(NodeRefused, match="certificate says 'node2'"):
        authority.admit(peer("node2"), "node1", 3)


def test_a_node_without_a_cluster_obeys_nobody(tmp_path):
    with pytest.raises(NodeRefused, match="does not belong to a cluster"):
        Authority(tmp_path / "none", dict).admit(peer("node1"), "node1", 1)


def test_a_damaged_file_is_told_as_such(path):
    path.write_text("{")
    with pytest.raises(EnvironmentUnfit, match="damaged"):
        read_term(path)


@pytest.mark.parametrize("number", [3, 4])
def test_another_certificate_with_the_masters_name_is_refused_whatever_the_term(authority, path, number):
    with pytest.raises(NodeRefused, match="not the one on record"):
        authority.admit(peer("node1", "forged"), "node1", number)
    assert read_term(path) == Term(3, "node1")


def test_a_forged_certificate_may_not_even_ask_who_is_master(authority):
    with pytest.raises(NodeRefused, match="not the one on record"):
        authority.admit_candidate(peer("node1", "forged"), "node1")


def test_a_candidate_whose_certificate_is_not_on_record_yet_is_known_by_its_name(authority, path):
    authority.admit(peer("node2", "any"), "node2", 4)
    assert read_term(path) == Term(4, "node2")
