# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-node power``, ``health`` and ``powercycle``, and what they print, which is what Ganeti's print."""

import pytest

from ganeti.errors import EXIT_CONFIRMATION
from tests.cluster.programs import with_program

HEALTH = '[["Ambient Temp", "OK"], ["FAN 1 RPM", "WARNING"]]'


@pytest.fixture
def programs(background, cluster):
    """The nodes have out-of-band programs, power, and are online."""
    programs = cluster.nodes["node1"].equipment.programs

    async def begin():
        await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": "/usr/local/bin/oob"})

    async def end():
        programs.off.clear()
        await cluster.run("OP_OOB_COMMAND", command="power-on", power_delay=0.0)
        for node in ("node2", "node3"):
            if cluster.node(node).offline:
                await cluster.run("OP_NODE_SET_PARAMS", node_name=node, offline=False)
        await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": ""})

    with_program(cluster.nodes["node1"].paths, "/usr/local/bin/oob")
    background.do(begin())
    programs.asked.clear()
    programs.health = HEALTH
    yield programs
    background.do(end())


def test_a_node_that_is_switched_off_is_marked_offline_first(gnt, cluster, programs):
    ended = gnt("node", "power", "-f", "--auto-promote", "off", "node3")
    assert ended.status == 0, ended.errors
    assert ended.lines[-2:] == ["Node  Status", "node3 invoked"]
    assert (cluster.node("node3").offline, cluster.node("node3").powered) == (True, False)
    assert gnt("node", "power", "status", "--no-headers", "--separator=:").lines == [
        "node1:powered",
        "node2:powered",
        "node3:unpowered",
    ]
    assert gnt("node", "power", "on", "--power-delay=0", "node3").status == 0
    assert cluster.node("node3").powered


@pytest.mark.parametrize("words", [("--preview",), ("-f",)])
def test_a_program_that_is_not_there_is_told_before_anything_is_changed_or_told(gnt, cluster, programs, words):
    program = cluster.nodes["node1"].paths.under("/usr/local/bin/oob")
    program.rename(program.with_name("gone"))
    try:
        ended = gnt("node", "power", *words, "off", "node3")
    finally:
        program.with_name("gone").rename(program)
    assert ended.status == 1
    assert "Parameter 'oob_program', on the master: /usr/local/bin/oob does not exist" in ended.errors
    assert "Would" not in ended.output
    assert not cluster.node("node3").offline
    assert not programs.asked


def test_whoever_would_switch_off_nodes_with_instances_is_told_which(gnt, background, cluster, programs, terminal):
    background.do(cluster.run("OP_INSTANCE_STARTUP", instance_name="db1"))
    terminal.append("n")
    ended = gnt("node", "power", "cycle", "node2", "node3")
    assert ended.status == EXIT_CONFIRMATION
    assert "Power-cycle node2, node3? These instances run there: db1." in ended.output
    terminal.append("y")
    assert gnt("node", "power", "cycle", "node2").status == 0
    assert programs.asked == [("power-cycle", "node2")]


def test_a_pattern_is_no_name_and_nothing_is_done_to_what_it_fits(gnt, cluster, programs):
    ended = gnt("node", "power", "-f", "off", "node[23]*")
    assert (ended.status, programs.asked) == (1, [])
    assert "node[23]*" in ended.errors
    assert not any(node.offline for node in cluster.state.nodes)
    assert "node*" in gnt("cluster", "command", "-n", "node*", "true").errors


def test_the_master_is_told_how_it_could_be_done_and_not_marked_offline(gnt, cluster, programs):
    ended = gnt("node", "power", "-f", "off", "node1")
    assert "if you must: /usr/local/bin/oob power-off node1" in ended.errors
    assert (ended.status, programs.asked) == (1, [])


def test_that_the_master_is_not_switched_off_is_said_before_anything_is_asked(gnt, programs, terminal):
    for what in ("off", "cycle"):
        ended = gnt("node", "power", what, "node1", "node2")
        assert (ended.status, ended.output, programs.asked) == (1, "", [])
        assert f"if you must: /usr/local/bin/oob power-{what} node1" in ended.errors


@pytest.mark.parametrize("what", ["off", "cycle"])
def test_no_power_is_taken_from_nodes_that_are_not_named(gnt, programs, what):
    ended = gnt("node", "power", "-f", what)
    assert "Please provide at least one node" in ended.errors
    assert (ended.status, programs.asked) == (1, [])
    assert "choose from on, off, cycle, status" in gnt("node", "power", "out", "node2").errors


def test_a_node_of_which_nothing_is_known_makes_the_command_fail(gnt, programs):
    programs.health = "no JSON"
    ended = gnt("node", "health", "node2")
    assert (ended.status, ended.lines[-2:]) == (1, ["Node  Status", "node2 (nodata)"])


def test_health_is_a_line_for_each_item(gnt, programs):
    ended = gnt("node", "health", "node2", "node3")
    assert ended.status == 0, ended.errors
    assert ended.lines[-5:] == [
        "Node  Status",
        "node2 Ambient Temp=OK",
        "      FAN 1 RPM=WARNING",
        "node3 Ambient Temp=OK",
        "      FAN 1 RPM=WARNING",
    ]
    assert gnt("node", "health", "--no-headers", "--separator=|", "node2").lines[-2:] == [
        "node2|Ambient Temp=OK",
        "|FAN 1 RPM=WARNING",
    ]


def test_what_could_not_be_switched_off_is_told_to_run_on(gnt, cluster, programs, monkeypatch):
    async def fail(self, call):
        raise TimeoutError

    monkeypatch.setattr(type(programs), "output", fail)
    ended = gnt("node", "power", "-f", "--auto-promote", "off", "node2")
    assert ended.status == 1
    assert "Not switched off, though it may be marked offline: node2. Instances may run on there" in ended.errors
    assert (cluster.node("node2").offline, cluster.node("node2").powered) == (True, True)
    monkeypatch.undo()


def test_a_reset_is_asked_for_unless_it_was_confirmed_and_force_alone_does_not_confirm_it(gnt, cluster, terminal):
    resets = cluster.nodes["node2"].equipment.reset
    terminal += ["n", "n"]
    assert gnt("node", "powercycle", "node2").status == 1
    ended = gnt("node", "powercycle", "--force", "node2")
    assert (ended.status, resets.count) == (1, 0)
    assert "Reset node node2 at once, whatever runs on it?" in ended.output
    ended = gnt("node", "powercycle", "--yes", "node2")
    assert (ended.status, ended.lines[-1]) == (0, "Reset of node2 in 5 seconds")
    assert "--force resets it anyway" in gnt("node", "powercycle", "--yes", "node1").errors
