# SPDX-License-Identifier: BSD-2-Clause
"""Addresses of a network, and sets of them as texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti.errors import NotUnique
from ganeti.model.disk import DiskTemplate
from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.nic import Nic
from ganeti.model.pool import Pool, pool_of
from ganeti.model.spans import address_of, numbers_of, spans_of
from tests.cluster.world import first_state

NETWORK = Network(uuid="net1", name="net1", network="192.0.2.0/28", gateway="192.0.2.1")
LOW, HIGH = 3221225984, 3221226239  # 192.0.2.0/24


def owner(name, *addresses):
    nics = tuple(Nic(uuid=f"{name}/{n}", mac=f"{name}/{n}", ip=ip, network="net1") for n, ip in enumerate(addresses))
    return Instance(
        uuid=name,
        name=name,
        primary_node="uuid-node1",
        hypervisor="fake",
        disk_template=DiskTemplate.DISKLESS,
        nics=nics,
    )


@given(st.sets(st.integers(LOW, HIGH)))
def test_a_set_of_addresses_is_the_same_as_texts(numbers):
    texts = spans_of(numbers)
    assert numbers_of(texts) == numbers
    assert numbers_of(sorted(texts, reverse=True)) == numbers
    assert spans_of(numbers_of(texts)) == texts


def test_neighbours_are_one_range():
    assert spans_of({LOW + 7, LOW + 3, LOW + 4, LOW + 5}) == ("192.0.2.3-192.0.2.5", "192.0.2.7")


@given(st.sets(st.integers(0, 15)), st.sets(st.integers(0, 15)))
def test_whatever_is_taken_the_counts_and_the_map_agree_and_the_first_free_one_is_free(reserved, used):
    spans = spans_of(LOW + number for number in reserved)
    instances = frozenset(address_of(LOW + number) for number in used)
    pool = Pool(Network(uuid="u", name="n", network="192.0.2.0/28", reserved=spans), instances=instances)
    assert (pool.map.count("X"), pool.map.count(".")) == (pool.reserved_count, pool.free_count)
    free = [number for number in range(1, 15) if number not in reserved | used]
    assert pool.first_free(()) == (address_of(LOW + free[0]) if free else None)
    assert pool.first_free({address_of(LOW + number) for number in free}) is None


def test_addresses_of_nodes_and_of_the_cluster_are_taken():
    state = first_state(nodes=2, master_ip="192.0.2.9")
    network = Network(uuid="u", name="n", network="10.0.0.0/29")
    assert pool_of(state, network).map == "XXX....X"
    assert pool_of(state, Network(uuid="u", name="n", network="192.0.2.0/28")).map == "X........X.....X"


def test_an_address_belongs_to_one_instance_and_is_free_without_it():
    state = first_state(networks=(NETWORK,)).changed([owner("a", "192.0.2.2", "2001:db8::2")])
    assert pool_of(state, NETWORK).map == "XXX............X"
    with pytest.raises(NotUnique, match="in use by another instance of the same network"):
        state.changed([owner("b", "192.0.2.2")])
    other = state.changed([owner("a", "192.0.2.3")]).changed([owner("b", "192.0.2.2")])
    assert dict(other.addresses_in(NETWORK)) == {"192.0.2.3": "a", "192.0.2.2": "b"}
    assert dict(state.changed([], [owner("a")]).addresses) == {}


def test_two_cards_of_an_instance_do_not_share_an_address():
    with pytest.raises(NotUnique):
        first_state(networks=(NETWORK,)).changed([owner("a", "192.0.2.2", "192.0.2.2")])
