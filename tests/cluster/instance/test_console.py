# SPDX-License-Identifier: BSD-2-Clause
"""Where the console of an instance is."""

import pytest

from ganeti import errors
from ganeti.node.hypervisor.fake import FakeHypervisor
from ganeti.rpc.contract.instance import ConsoleAccess


async def test_a_console_is_that_of_a_running_guest(cluster):
    await cluster.add("web1")
    access = await cluster.call("Read", {"OP_ID": "OP_INSTANCE_CONSOLE", "instance_name": "web1"})
    assert (access["instance"], access["kind"]) == ("web1", "msg")
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    with pytest.raises(errors.WrongState, match="not running, so it has no console"):
        await cluster.run("OP_INSTANCE_CONSOLE", instance_name="web1")


async def test_a_console_over_ssh_is_at_the_port_that_the_node_has_for_it(cluster, monkeypatch):
    async def describe(self, guest):
        return ConsoleAccess(kind="ssh", command=("true",))

    monkeypatch.setattr(FakeHypervisor, "console", describe)
    await cluster.add("web1")
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"ssh_port": 2222})
    access = await cluster.call("Read", {"OP_ID": "OP_INSTANCE_CONSOLE", "instance_name": "web1"})
    assert (access["kind"], access["port"]) == ("ssh", 2222)
