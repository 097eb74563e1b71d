# SPDX-License-Identifier: BSD-2-Clause
"""The SSH host keys of nodes, which every node has in a file of Ganeti's name."""

import asyncio

import pytest

from ganeti.daemons.masterd import host_keys
from ganeti.jobs.lockset import shared
from ganeti.model.kind import Kind
from ganeti.node import keys
from tests.cluster.paper import SETTLED

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC="


def give(node, **found):
    """Files of an SSH server."""
    node.paths.ssh_host_keys.mkdir(parents=True, exist_ok=True)
    for kind, key in found.items():
        (node.paths.ssh_host_keys / f"ssh_host_{kind}_key.pub").write_bytes(key)


@pytest.fixture
async def keyed(cluster):
    """Each node has a key of its own, node2 two."""
    for number, node in enumerate(cluster.nodes.values(), start=1):
        give(node, ed25519=f"{ED25519}{number} root@somewhere\n".encode())
    give(cluster.nodes["node2"], rsa=f"{RSA}\n".encode())
    await cluster.master.host_keys.look()
    await cluster.master.facts.settled(SETTLED)
    return cluster


def kept(cluster):
    """What each node has."""
    return {node.paths.known_hosts.read_text() for node in cluster.nodes.values()}


async def test_every_node_has_the_keys_of_all_by_their_names_and_the_clusters(keyed):
    name = keyed.state.cluster.name
    assert kept(keyed) == {
        f"{name},node1 {ED25519}1\n{name},node2 {ED25519}2\n{name},node2 {RSA}\n{name},node3 {ED25519}3\n"
    }
    assert keyed.nodes["node3"].paths.known_hosts.stat().st_mode & 0o777 == 0o444


async def test_a_key_that_changes_is_replaced_and_one_of_a_node_that_goes_is_gone(keyed):
    give(keyed.nodes["node3"], ed25519=f"{ED25519}9\n".encode())
    await keyed.master.host_keys.look()
    await keyed.master.facts.settled(SETTLED)
    (text,) = kept(keyed)
    assert f"node3 {ED25519}9\n" in text
    assert f"{ED25519}3" not in text
    await keyed.run("OP_NODE_REMOVE", node_name="node3")
    await keyed.master.facts.settled(SETTLED)
    assert "node3" not in keyed.nodes["node1"].paths.known_hosts.read_text()
    assert not keyed.nodes["node3"].paths.known_hosts.exists()


async def test_a_node_that_is_silent_or_has_none_keeps_those_that_it_had(keyed):
    before = kept(keyed)
    keyed.network.silence("10.0.0.3")
    for path in keyed.nodes["node2"].paths.ssh_host_keys.iterdir():
        path.unlink()
    await keyed.master.host_keys.look()
    assert kept(keyed) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"ssh-rsa\n",
        b"ssh-rsa AAAA\n",
        b"* AAAAB3NzaC1yc2EAAAADAQAB\n",
        b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB,x\n",
        b"ssh-rsa " + b"A" * 5000,
    ],
)
async def test_what_is_no_host_key_is_left_out(keyed, content):
    give(keyed.nodes["node2"], rsa=content)
    await keyed.master.host_keys.look()
    assert keyed.node("node2").ssh_host_keys == (f"{ED25519}2",)


async def test_no_node_fills_the_file(keyed):
    give(keyed.nodes["node2"], **{f"k{number}": f"{RSA}\n".encode() for number in range(20)})
    await keyed.master.host_keys.look()
    assert len(keyed.node("node2").ssh_host_keys) == keys.MOST_HOST_KEYS


async def test_the_keys_of_a_node_are_asked_for_when_it_comes_back(keyed):
    await keyed.run("OP_NODE_SET_PARAMS", node_name="node3", offline=True)
    give(keyed.nodes["node3"], ed25519=f"{ED25519}7\n".encode())
    await keyed.run("OP_NODE_SET_PARAMS", node_name="node3", offline=False)
    async with asyncio.timeout(SETTLED):
        while keyed.node("node3").ssh_host_keys != (f"{ED25519}7",):
            await asyncio.sleep(0)


async def test_nobody_waits_for_a_change_of_keys_that_waits_for_somebody(keyed, monkeypatch):
    monkeypatch.setattr(host_keys, "_LOCK", 0.05)
    locks = keyed.master.services.locks
    give(keyed.nodes["node2"], ed25519=f"{ED25519}9\n".encode())
    async with locks.holding("a long job", shared(Kind.NODE, "node2")):
        await asyncio.wait_for(keyed.master.host_keys.look(), 5)
        async with asyncio.timeout(5), locks.holding("another job", shared(Kind.NODE, "node2")):
            pass
    await keyed.master.host_keys.look()
    await keyed.master.facts.settled(SETTLED)
    assert f"node2 {ED25519}9\n" in keyed.nodes["node1"].paths.known_hosts.read_text()
