# SPDX-License-Identifier: BSD-2-Clause
"""Emergency power-off, and back."""

import pytest

from ganeti.cli import epo
from ganeti.errors import EXIT_CONFIRMATION, ExecutionFailed, HypervisorFailed


@pytest.fixture
def programs(background, cluster, monkeypatch):
    """web1 and web2 run on node1, db1 on node2; all nodes have out-of-band programs and power."""
    programs = cluster.nodes["node1"].equipment.programs
    monkeypatch.setattr(epo.addresses, "answers", lambda address, port: True)
    monkeypatch.setattr(epo, "_AGAIN", 0.0)

    async def begin():
        await cluster.run("OP_CLUSTER_SET_PARAMS", ndparams={"oob_program": "/usr/local/bin/oob"})
        await cluster.run("OP_OOB_COMMAND", command="power-on", power_delay=0.0)
        for node in ("node2", "node3"):
            if cluster.node(node).offline:
                await cluster.run("OP_NODE_SET_PARAMS", node_name=node, offline=False)
        await cluster.call("SetWatcherPause", None)
        for name in ("web1", "web2", "db1"):
            await cluster.run("OP_INSTANCE_STARTUP", instance_name=name)

    background.do(begin())
    programs.asked.clear()
    return programs


def running(background, cluster):
    async def look():
        return {name for node in cluster.nodes.values() for name in await node.guests()}

    return background.do(look())


def paused(background, cluster):
    return background.do(cluster.call("QueryConfigValues", ["watcher_pause"]))[0] is not None


def roles(background, cluster):
    return dict(background.do(cluster.list("node", "name", "role")))


def test_a_node_goes_off_with_its_instances_and_comes_back_with_them(gnt, background, cluster, programs):
    ended = gnt("cluster", "epo", "-f", "node2")
    assert ended.status == 0, ended.errors
    assert running(background, cluster) == {"web1", "web2"}
    assert roles(background, cluster) == {"node1": "M", "node2": "O", "node3": "C"}
    assert programs.off == {"node2"}
    assert not paused(background, cluster)
    assert cluster.instance("db1").admin_state == "up"
    ended = gnt("cluster", "epo", "--on", "node2")
    assert ended.status == 0, ended.errors
    assert programs.off == set()
    assert not cluster.node("node2").offline
    assert running(background, cluster) == {"web1", "web2", "db1"}


def test_all_of_the_cluster_goes_off_but_the_master_and_stays_so_until_it_is_switched_on(
    gnt, background, cluster, programs
):
    ended = gnt("cluster", "epo", "-f", "--all")
    assert ended.status == 0, ended.errors
    assert ended.lines[-2:] == [
        "node1 is the master, and still on: shut it down by hand.",
        "The watcher is paused until 'gnt-cluster epo --on --all'.",
    ]
    assert running(background, cluster) == set()
    assert programs.off == {"node2", "node3"}
    assert paused(background, cluster)
    ended = gnt("cluster", "epo", "--on", "--all", "--power-delay=0")
    assert ended.status == 0, ended.errors
    assert running(background, cluster) == {"web1", "web2", "db1"}
    assert not paused(background, cluster)


def test_a_part_with_the_master_in_it_is_refused(gnt, programs):
    for words in (["node1", "node2"], ["--groups", "default"]):
        ended = gnt("cluster", "epo", "-f", *words)
        assert ended.status == 1
        assert "make a node the master that stays on" in ended.errors
    assert programs.asked == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Which nodes?"),
        (["--all", "node2"], "without names"),
        (["--all", "--groups"], "without names and without --groups"),
        (["nonesuch"], "nonesuch"),
        (["--groups", "nonesuch"], "nonesuch"),
    ],
)
def test_it_must_be_clear_what_is_meant(gnt, programs, words, told):
    ended = gnt("cluster", "epo", "-f", *words)
    assert ended.status == 1
    assert told in ended.errors
    assert programs.asked == []


def test_it_asks_and_names_what_is_stopped(gnt, background, cluster, programs, terminal):
    terminal.append("n")
    ended = gnt("cluster", "epo", "node2", "node3")
    assert ended.status == EXIT_CONFIRMATION
    assert "Switch off node2, node3? These instances are stopped: db1." in ended.output
    assert running(background, cluster) == {"web1", "web2", "db1"}


def test_nodes_without_a_program_are_marked_offline_and_named_for_hands(gnt, background, cluster, programs):
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"oob_program": ""}))
    ended = gnt("cluster", "epo", "-f", "node2", "node3")
    assert "No out-of-band program is set for node3; switch off by hand" in ended.errors
    assert roles(background, cluster) == {"node1": "M", "node2": "O", "node3": "O"}
    assert programs.off == {"node2"}
    ended = gnt("cluster", "epo", "--on", "--power-delay=0", "node2", "node3")
    assert ended.status == 0, ended.errors
    background.do(cluster.run("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"oob_program": "default"}))


@pytest.mark.usefixtures("programs")
def test_nodes_that_do_not_come_back_stay_offline_and_are_named(gnt, background, cluster, monkeypatch):
    gnt("cluster", "epo", "-f", "node2", "node3")
    monkeypatch.setattr(epo, "BOOT", 0.0)
    monkeypatch.setattr(epo.addresses, "answers", lambda address, port: address != cluster.node("node2").primary_ip)
    ended = gnt("cluster", "epo", "--on", "--power-delay=0", "node2", "node3")
    assert ended.status == 1
    assert "node2 does not answer; run 'gnt-cluster epo --on node2' when it does" in ended.errors
    assert roles(background, cluster)["node2"] == "O"
    assert not cluster.node("node3").offline


@pytest.mark.usefixtures("programs")
def test_whoever_does_not_want_it_after_all_has_the_watcher_at_work_again(
    gnt, background, cluster, terminal, monkeypatch
):
    async def fail(self, name, *, timeout, force):
        raise HypervisorFailed("it does not listen")

    monkeypatch.setattr(type(cluster.nodes["node2"].hypervisor()), "stop", fail)
    terminal += ["y", "n"]
    ended = gnt("cluster", "epo", "--all")
    assert ended.status == EXIT_CONFIRMATION
    assert "Not all instances could be stopped. Switch the nodes off anyway?" in ended.output
    assert roles(background, cluster) == {"node1": "M", "node2": "C", "node3": "C"}
    assert not paused(background, cluster)


def test_what_has_power_and_is_online_is_not_switched_on_again(gnt, programs):
    assert gnt("cluster", "epo", "--on", "node2", "node3").status == 0
    assert programs.asked == []


def test_a_node_that_cannot_be_switched_on_is_not_waited_for(gnt, background, cluster, programs, monkeypatch):
    gnt("cluster", "epo", "-f", "node2")

    async def fail(self, call):
        raise ExecutionFailed("no route to host")

    monkeypatch.setattr(type(programs), "output", fail)
    monkeypatch.setattr(epo.addresses, "answers", lambda address, port: pytest.fail("it is waited for"))
    ended = gnt("cluster", "epo", "--on", "node2")
    assert ended.status == 1
    assert "node2 (nodata)" in ended.output


@pytest.mark.usefixtures("programs")
def test_a_pause_that_the_administrator_has_set_goes_on_when_all_is_on_again(gnt, background, cluster):
    def until():
        return background.do(cluster.call("QueryConfigValues", ["watcher_pause"]))[0]

    for duration in ("2d", "364d"):
        assert gnt("cluster", "watcher", "pause", duration).status == 0
        before = until()
        for _ in range(2):
            assert gnt("cluster", "epo", "-f", "--all").status == 0
            assert until() >= before
        ended = gnt("cluster", "epo", "--on", "--all", "--power-delay=0")
        assert ended.status == 0, ended.errors
        assert until() == before
        assert ended.lines[-1].startswith("The watcher is paused until")
    assert gnt("cluster", "epo", "-f", "node2").status == 0
    assert until() == before
    assert gnt("cluster", "epo", "--on", "node2").status == 0


@pytest.mark.usefixtures("programs")
def test_a_pause_that_is_set_while_all_is_off_counts(gnt, background, cluster):
    assert gnt("cluster", "epo", "-f", "--all").status == 0
    assert gnt("cluster", "watcher", "pause", "4h").status == 0
    (before,) = background.do(cluster.call("QueryConfigValues", ["watcher_pause"]))
    assert gnt("cluster", "epo", "--on", "--all", "--power-delay=0").status == 0
    assert background.do(cluster.call("QueryConfigValues", ["watcher_pause"])) == [before]


@pytest.mark.usefixtures("programs")
def test_a_part_that_goes_off_while_all_is_off_does_not_have_the_watcher_work(gnt, background, cluster):
    assert gnt("cluster", "epo", "-f", "--all").status == 0
    assert gnt("cluster", "epo", "-f", "node2").status == 0
    assert paused(background, cluster)
    assert gnt("cluster", "epo", "--on", "--all", "--power-delay=0").status == 0
    assert not paused(background, cluster)
