# SPDX-License-Identifier: BSD-2-Clause
"""Commands in guests."""

import asyncio

import pytest

from ganeti import errors
from ganeti.declare.role import Role
from ganeti.model.guest_agent import Executed
from ganeti.operations.instance.exec import InstanceExec
from tests.cluster.instance.agents import agent_of


async def test_a_command_is_run_by_the_agent_and_its_end_and_output_are_told(cluster):
    await cluster.add("web1")
    agent = agent_of(cluster, "web1", ended=Executed(3, output="one\n", errors="two\n", cut=True))
    done = await cluster.run("OP_INSTANCE_EXEC", instance_name="web1", command=["ls", "-l", "a b"])
    assert done == {"status": 3, "signal": None, "stdout": "one\n", "stderr": "two\n", "cut": True}
    assert agent.events == ["ls -l a b"]


async def test_without_an_agent_nothing_is_begun(cluster):
    await cluster.add("web1")
    with pytest.raises(errors.WrongState, match="No command can be run in web1: no agent runs in it"):
        await cluster.run("OP_INSTANCE_EXEC", instance_name="web1", command=["ls"])
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")
    with pytest.raises(errors.WrongState, match="No command can be run in web1: it does not run"):
        await cluster.run("OP_INSTANCE_EXEC", instance_name="web1", command=["ls"])


@pytest.mark.parametrize("command", [[], ["a\0b"], 257 * ["a"], "ls"])
async def test_what_is_no_command_is_refused(cluster, command):
    await cluster.add("web1")
    with pytest.raises(errors.WrongInput, match="command"):
        await cluster.run("OP_INSTANCE_EXEC", instance_name="web1", command=command)


def test_only_an_administrator_may():
    assert InstanceExec.role is Role.ADMIN


async def test_it_can_be_canceled_while_the_command_runs(cluster):
    await cluster.add("web1")
    agent = agent_of(cluster, "web1")
    agent.goes_on.clear()
    number = await cluster.submit("OP_INSTANCE_EXEC", instance_name="web1", command=["sleep", "3000"])
    while not agent.events:
        await asyncio.sleep(0)
    assert await cluster.call("CancelJob", number) == [True, f"Job {number} canceled"]
    assert (await cluster.finished(number)).status == "canceled"
    assert any("it may go on in the guest" in line for line in cluster.log(number))
    await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name="web1")  # its locks are released
    agent.goes_on.set()


async def test_what_has_ended_is_not_canceled(cluster):
    await cluster.add("web1")
    agent_of(cluster, "web1")
    number = await cluster.submit("OP_INSTANCE_EXEC", instance_name="web1", command=["true"])
    assert (await cluster.finished(number)).status == "success"
    done, told = await cluster.call("CancelJob", number)
    assert (done, "status: success" in told) == (False, True)
