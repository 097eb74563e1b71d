# SPDX-License-Identifier: BSD-2-Clause
"""That there is one master, that it holds the cluster's address, and nobody else."""

import subprocess
from contextlib import contextmanager

import pytest

from ganeti.errors import GanetiError
from ganeti.host.daemons import Daemon
from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import SETTLED, running

ADDRESS = "10.0.0.100"


@pytest.fixture
async def addressed(tmp_path):
    """A cluster with an address, which its master holds."""
    async with running(tmp_path, master_ip=ADDRESS, master_netdev="br0", master_netmask=24) as cluster:
        await cluster.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
        yield cluster


@contextmanager
def masterd(paths):
    """A process that looks like a master daemon."""
    paths.run.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([Daemon.MASTER, "3600"], executable="/bin/sleep") as process:
        paths.pid_file(Daemon.MASTER).write_text(str(process.pid))
        try:
            yield
        finally:
            process.kill()


async def test_a_master_with_its_address_is_fine(addressed):
    assert await found(addressed) == []


async def test_a_master_without_the_address_is_found(addressed):
    addressed.nodes["node1"].equipment.address.held = None
    assert await found(addressed) == [
        f"ENODENET:node1:is the master, and does not hold the cluster's address {ADDRESS}"
    ]


async def test_a_second_holder_of_the_address_is_found(addressed):
    addressed.nodes["node3"].equipment.address.held = addressed.nodes["node1"].equipment.address.held
    assert await found(addressed) == [f"ENODENET:node3:holds the cluster's address {ADDRESS}, and is not the master"]


async def test_a_second_master_daemon_is_found(cluster):
    with masterd(cluster.nodes["node2"].paths):
        assert await found(cluster) == ["ENODESETUP:node2:runs a master daemon (ganeti-masterd), and is not the master"]


async def test_a_node_that_takes_itself_for_the_master_is_found(cluster):
    await cluster.master.facts.settled(SETTLED)
    path = cluster.nodes["node3"].paths.ssconf("master_node")
    path.chmod(0o600)
    path.write_text("node3\n")
    assert "ENODESETUP:node3:believes that it is the master" in await found(cluster)


async def test_an_address_that_cannot_be_set_up_is_told_with_the_reason(addressed):
    await addressed.run("OP_CLUSTER_DEACTIVATE_MASTER_IP")
    addressed.nodes["node1"].equipment.address.interfaces.clear()
    with pytest.raises(GanetiError):
        await addressed.run("OP_CLUSTER_ACTIVATE_MASTER_IP")
    addressed.master.address.problem = "there is no network interface 'br0'"
    assert await found(addressed) == [
        f"ENODENET:node1:is the master, and does not hold the cluster's address {ADDRESS}",
        "ENODENET:node1:the cluster's address: there is no network interface 'br0'",
    ]
