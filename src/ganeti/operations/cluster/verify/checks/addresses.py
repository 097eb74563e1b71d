# SPDX-License-Identifier: BSD-2-Clause
"""Checks that instances' addresses are in their networks, which are connected, and that none is used twice."""

from __future__ import annotations

from collections.abc import Iterator

from ganeti.model.instance import Instance
from ganeti.model.network import Network
from ganeti.model.pool import addresses_of_nodes
from ganeti.model.state import State
from ganeti.operations.cluster.verify.check import Check
from ganeti.operations.cluster.verify.findings import Code, Finding
from ganeti.operations.cluster.verify.scene import Scene
from ganeti.operations.instance.networks import cut_off
from ganeti.operations.network.conflicts import loose_addresses


def _networks(scene: Scene) -> Iterator[Finding]:
    for network in scene.state.networks:
        yield from (_finding(f"network {network.name}: {problem}") for problem in network.problems())


def _outside(scene: Scene) -> Iterator[Finding]:
    state = scene.state
    for instance in state.instances:
        for index, nic in enumerate(instance.nics):
            network = state.get(Network, nic.network) if nic.network else None
            if network and nic.ip and not network.contains(nic.ip):
                told = f"IP address {nic.ip} of NIC {index} is not in its network {network.name}"
                yield _finding(f"instance {instance.name}: {told}")


def _cut_off(scene: Scene) -> Iterator[Finding]:
    state = scene.state
    for instance in state.instances:
        yield from map(_finding, cut_off(state, instance))


def _twice(scene: Scene) -> Iterator[Finding]:
    state, loose = scene.state, loose_addresses(scene.state)
    for network in state.networks:
        used = state.addresses_in(network)
        for group in sorted(group.uuid for group in state.groups_with(network)):
            for address in sorted(set(used) & set(loose.get(group, ()))):
                yield _used_by_two(state, network, address, loose[group][address])
        for address in sorted(set(used) & addresses_of_nodes(state)) if network.holds_nodes else ():
            yield _used_by_two(state, network, address, "a node, or the cluster")


def _used_by_two(state: State, network: Network, address: str, other: str) -> Finding:
    owner = state.get(Instance, state.addresses_in(network)[address]).name
    return _finding(f"IP address {address} of network {network.name} is used by {owner} and by {other}")


def _finding(text: str) -> Finding:
    return Finding(Code.ECLUSTERCFG, "", text)


CHECKS = (
    Check("Verifying networks", Code.ECLUSTERCFG, _networks),
    Check("Verifying that addresses are in their networks", Code.ECLUSTERCFG, _outside),
    Check("Verifying that networks are connected where instances use them", Code.ECLUSTERCFG, _cut_off),
    Check("Verifying that no address is used twice", Code.ECLUSTERCFG, _twice),
)
