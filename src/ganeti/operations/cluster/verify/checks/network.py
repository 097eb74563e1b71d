# SPDX-License-Identifier: BSD-2-Clause
"""Checks that nodes can reach one another, and have the bridges and switches that their instances need."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.group import Group
from ganeti.model.guest import guest_nic
from ganeti.model.node import Node
from ganeti.model.parameters import filled
from ganeti.model.parameters.network import NicParameters
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Question, Scene
from ganeti.rpc.contract.verify import FindBridges, Problems, ReachPeers, Unreached, find_links

# Each node tries this many others, and is tried by as many: connections grow with the number of nodes, not its square.
_NEIGHBOURS = 3


def neighbours(scene: Scene, node: Node) -> list[Node]:
    """The nodes that a node tries to reach: the next ones in its group, sorted by name as a ring.

    Instances move within a group, so nodes must reach one another there; the master reaches all nodes by calling them.
    """
    ring = scene.online
    place = ring.index(node)
    return [*ring[place + 1 :], *ring[:place]][:_NEIGHBOURS]


def _reach_peers(scene: Scene, node: Node) -> ReachPeers:
    addresses = {
        other.name: tuple(dict.fromkeys((other.primary_ip, other.migration_ip))) for other in neighbours(scene, node)
    }
    return ReachPeers(peers=addresses)


def _find_bridges(scene: Scene, node: Node) -> FindBridges | None:
    state, group = scene.state, scene.state.get(Group, node.group)
    nics = [guest_nic(state, nic, group) for instance in state.instances_on(node.uuid) for nic in instance.nics]
    # An instance may be moved to any node of its group.
    networks = [filled(NicParameters, connection) for connection in group.networks.values()]
    links = [(one.mode, one.link, one.vlan) for one in nics]
    links += [(one.mode, one.link, one.vlan) for one in networks]
    parameters = state.node_parameters(node)
    if parameters.ovs:
        links.append(("openvswitch", parameters.ovs_name or "", ""))
    return find_links(links)


_PEERS: Question[tuple[Unreached, ...]] = Question("whether it reaches other nodes", _reach_peers)
_BRIDGES: Question[Problems] = Question("its bridges and switches", _find_bridges)


def _network(scene: Scene) -> Iterator[Finding]:
    for node, unreached in scene.answered(_PEERS):
        for peer in unreached:
            if peer.node not in scene.silent:  # already reported
                text = f"node {peer.node} cannot be reached at {peer.address}, port {peer.port}"
                yield Finding(Code.ENODENET, node.name, text)
    for node, problems in scene.answered(_BRIDGES):
        yield from (Finding(Code.ENODENET, node.name, problem) for problem in problems)


CHECKS = (Check("Verifying node connectivity", Code.ENODENET, _network, (_PEERS, _BRIDGES)),)
