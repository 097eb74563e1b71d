# SPDX-License-Identifier: BSD-2-Clause
"""The power of nodes is switched by programs that reach them out of band."""

import asyncio

import pytest

from ganeti import errors
from tests.cluster.paper import running

NAME = "OP_OOB_COMMAND"
PROGRAM = {"ndparams": {"oob_program": "/usr/local/bin/oob"}}


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path, nodes=4) as cluster:
        await cluster.run("OP_CLUSTER_SET_PARAMS", **PROGRAM)
        yield cluster


def programs(cluster):
    """Those of the master, which runs them for all nodes."""
    return cluster.nodes["node1"].equipment.programs


async def switched(cluster, command, *names, **more):
    more.setdefault("power_delay", 0.0)
    return await cluster.run(NAME, command=command, node_names=list(names), **more)


async def offline(cluster, *names):
    for name in names:
        await cluster.run("OP_NODE_SET_PARAMS", node_name=name, offline=True, force=True)


async def test_a_node_that_is_offline_is_switched_off_and_on_and_recorded_so(cluster):
    await offline(cluster, "node2")
    assert await switched(cluster, "power-off", "node2") == [[[0, "node2"], [0, None]]]
    assert not cluster.node("node2").powered
    assert programs(cluster).off == {"node2"}
    assert await switched(cluster, "power-on", "node2") == [[[0, "node2"], [0, None]]]
    assert cluster.node("node2").powered
    assert programs(cluster).off == set()


async def test_one_that_is_not_is_switched_off_only_if_that_is_ignored(cluster):
    with pytest.raises(errors.WrongState, match="node3 is not marked offline; do that first"):
        await switched(cluster, "power-off", "node3")
    assert programs(cluster).asked == []
    await switched(cluster, "power-off", "node3", ignore_status=True)
    assert not cluster.node("node3").powered


@pytest.mark.parametrize("command", ["power-off", "power-cycle"])
async def test_the_master_is_not_switched_off_but_it_is_told_how_that_could_be_done(cluster, command):
    with pytest.raises(errors.WrongState, match=f"if you must: /usr/local/bin/oob {command} node1"):
        await switched(cluster, command, "node1", ignore_status=True)
    with pytest.raises(errors.WrongInput, match="never to all"):
        await switched(cluster, command)
    assert programs(cluster).asked == []


async def test_a_node_that_is_power_cycled_stays_recorded_as_it_was(cluster):
    await switched(cluster, "power-cycle", "node2", "node3", "node2")
    assert programs(cluster).asked == [("power-cycle", "node2"), ("power-cycle", "node3")]
    assert cluster.node("node2").powered


async def test_without_names_all_that_have_a_program_are_asked(cluster):
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node4", ndparams={"oob_program": ""})
    rows = await switched(cluster, "power-status")
    assert rows == [[[0, name], [0, {"powered": True}]] for name in ("node1", "node2", "node3")]
    with pytest.raises(errors.WrongState, match="no out-of-band program for node4"):
        await switched(cluster, "power-status", "node2", "node4")


async def test_where_there_is_no_program_at_all_it_is_told_how_one_is_set(cluster):
    await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": ""})
    with pytest.raises(errors.UnknownEntity, match="gnt-cluster modify --node-parameters oob_program=/PATH"):
        await switched(cluster, "health")


async def test_a_status_that_is_not_as_recorded_is_told_and_changes_nothing(cluster):
    programs(cluster).off.add("node2")
    number = await cluster.submit(NAME, command="power-status", node_names=["node2"])
    assert (await cluster.finished(number)).steps[0].result == [[[0, "node2"], [0, {"powered": False}]]]
    assert any("node2 is off, but recorded as on" in line for line in cluster.log(number))
    assert cluster.node("node2").powered


async def test_what_is_wrong_with_the_health_of_a_node_is_in_the_log(cluster):
    programs(cluster).health = '[["Ambient Temp", "OK"], ["FAN 1", "WARNING"], ["PS", "CRITICAL"]]'
    number = await cluster.submit(NAME, command="health", node_names=["node3"])
    items = [["Ambient Temp", "OK"], ["FAN 1", "WARNING"], ["PS", "CRITICAL"]]
    assert (await cluster.finished(number)).steps[0].result == [[[0, "node3"], [0, items]]]
    told = [line for line in cluster.log(number) if "WARNING: node3" in line]
    assert [line.partition("node3: ")[2] for line in told] == ["FAN 1 is WARNING", "PS is CRITICAL"]


@pytest.mark.parametrize("output", ["", "no JSON", '[["Ambient Temp", "FINE"]]', '{"powered": true}', '[["", "OK"]]'])
async def test_what_cannot_be_understood_is_no_answer(cluster, output):
    programs(cluster).health = output
    number = await cluster.submit(NAME, command="health", node_names=["node3"])
    assert (await cluster.finished(number)).steps[0].result == [[[0, "node3"], [2, None]]]
    assert any("What '/usr/local/bin/oob' prints for 'health' is wrong" in line for line in cluster.log(number))


async def test_a_program_that_fails_for_one_node_keeps_no_other_from_its_turn(cluster, monkeypatch):
    ask = programs(cluster).output

    async def output(call):
        if call.node == "node2":
            raise errors.ExecutionFailed("'oob power-on node2' ended with status 1: no route to host")
        return await ask(call)

    monkeypatch.setattr(type(programs(cluster)), "output", lambda self, call: output(call))
    await switched(cluster, "power-off", "node3", ignore_status=True)
    assert await switched(cluster, "power-on", "node2", "node3") == [
        [[0, "node2"], [2, None]],
        [[0, "node3"], [0, None]],
    ]
    assert cluster.node("node3").powered


async def test_nodes_are_switched_on_one_after_the_other_with_a_pause_between_them(cluster, monkeypatch):
    pauses = []
    sleep = asyncio.sleep

    async def paused(seconds):
        if seconds == 7.5:
            pauses.append([node for _, node in programs(cluster).asked])
            seconds = 0
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", paused)
    await switched(cluster, "power-on", "node2", "node3", "node4", power_delay=7.5)
    assert pauses == [["node2"], ["node2", "node3"]]
