# SPDX-License-Identifier: BSD-2-Clause
"""What the names of nodes and of the cluster mean on each of them."""

from ganeti.errors import ResolverError
from ganeti.model.entity import evolve
from ganeti.node.machine import PaperMachine
from tests.cluster.cluster.verify.findings import found, verify
from tests.cluster.cluster.verify.test_nodes import refit

RIGHT = {"node1": ["10.0.0.1"], "node2": ["2001:db8::2", "10.0.0.2"], "node3": ["10.0.0.3"]}


class Nameless(PaperMachine):
    """Knows no name."""

    async def addresses_of(self, name):
        raise ResolverError(f"The name '{name}' has no address")


async def test_names_that_mean_what_is_on_record_among_others_are_fine(cluster):
    for node in cluster.nodes.values():
        refit(node, machine=PaperMachine(names=RIGHT))
    assert await found(cluster) == []


async def test_a_name_that_leads_elsewhere_is_a_warning(cluster):
    refit(cluster.nodes["node2"], machine=PaperMachine(names=RIGHT | {"node3": ["192.0.2.3"]}))
    told = "the name node3 means 192.0.2.3 there, instead of 10.0.0.3; see to its DNS or /etc/hosts"
    assert await found(cluster) == [f"WARNING:ENODENET:node2:{told}"]
    good, _ = await verify(cluster)
    assert good


async def test_the_name_of_the_cluster_is_looked_up_too(cluster):
    own = evolve(cluster.state.cluster, master_ip="10.0.0.100", master_netdev="br0")
    await cluster.master.configuration.commit([own])
    await cluster.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
    refit(cluster.nodes["node3"], machine=PaperMachine(names=RIGHT | {"cluster": ["10.0.0.99"]}))
    (told,) = await found(cluster)
    assert told.startswith("WARNING:ENODENET:node3:the name cluster means 10.0.0.99 there, instead of 10.0.0.100")


async def test_names_that_have_no_address_are_told(cluster):
    refit(cluster.nodes["node1"], machine=Nameless())
    assert await found(cluster) == [
        f"WARNING:ENODENET:node1:The name '{name}' has no address" for name in ("node1", "node2", "node3")
    ]
