# SPDX-License-Identifier: BSD-2-Clause
"""Nodes: that they answer, their versions and clocks, and what they run guests with."""

from dataclasses import replace

import pytest

import ganeti
from tests.cluster.cluster.verify.findings import found
from tests.cluster.programs import with_program


class ShiftedClock:
    def __init__(self, clock, seconds):
        self._clock = clock
        self._seconds = seconds

    def now(self):
        return self._clock.now() + self._seconds


class BrokenDriver:
    """A driver whose connection is closed: whatever it is asked fails with something nobody thought of."""

    on_paper = True

    def __init__(self, driver):
        self._driver = driver

    def __getattr__(self, name):
        return getattr(self._driver, name)

    async def list(self):
        raise RuntimeError("the handler is closed")

    async def verify(self, parameters):
        raise RuntimeError("the handler is closed")


def refit(node, **equipment):
    """Another piece of equipment; the node daemon starts anew with it."""
    node.equipment = replace(node.equipment, **equipment)
    node.start()


@pytest.mark.parametrize(("seconds", "word"), [(1000, "ahead of"), (-1000, "behind")])
async def test_a_clock_that_is_wrong_is_found(cluster, seconds, word):
    refit(cluster.nodes["node2"], clock=ShiftedClock(cluster.clock, seconds))
    (finding,) = await found(cluster)
    assert finding.startswith(f"ENODETIME:node2:its clock is {abs(seconds):.0f} s {word} the master's")


async def test_a_clock_that_is_almost_right_is_not_told(cluster):
    refit(cluster.nodes["node2"], clock=ShiftedClock(cluster.clock, 100))
    assert await found(cluster) == []


async def test_a_node_with_another_version_is_found(cluster, monkeypatch):
    # The checks have taken the master's version when they were imported.
    await found(cluster)
    monkeypatch.setattr(ganeti, "VERSION", "0.0.1")
    findings = await found(cluster)
    assert [finding.split(":")[:2] for finding in findings] == [["ENODEVERSION", f"node{n}"] for n in (1, 2, 3)]
    assert "runs version 0.0.1" in findings[0]


async def test_a_hypervisor_that_fails_unexpectedly_costs_nothing_but_its_own_part(cluster):
    await cluster.add("web1", node="node2")
    await cluster.add("web2", node="node3")
    cluster.nodes["node3"].hypervisor().end("web2")
    refit(cluster.nodes["node2"], hypervisors={"fake": BrokenDriver(cluster.nodes["node2"].hypervisor())})
    assert await found(cluster) == [
        "ENODEHV:node2:hypervisor fake: RuntimeError: the handler is closed",
        "ENODEHV:node2:cannot tell which guests of hypervisor fake it runs: RuntimeError: the handler is closed",
        "EINSTANCEBADNODE:web1:its primary node does not tell whether it runs: node2",
        "EINSTANCEDOWN:web2:should be running on node3, but is not",
    ]


async def test_a_guest_that_its_node_cannot_tell_of_keeps_its_memory(cluster):
    for n in (1, 2, 3):
        await cluster.add(f"big{n}", node=f"node{n}", beparams={"memory": "20g"})
    broken = BrokenDriver(cluster.nodes["node2"].hypervisor())
    refit(cluster.nodes["node2"], hypervisors={"fake": broken})
    assert [f for f in await found(cluster) if f.startswith("ENODEN1")]


async def test_os_providers_that_are_broken_or_missing_are_found(cluster):
    for name in ("node1", "node2"):
        provider = cluster.nodes[name].paths.under("/srv/ganeti/os/tiny")
        provider.mkdir(parents=True)
        (provider / "ganeti_api_version").write_text("15\n")
        for script in ("create", "import", "export", "rename"):
            (provider / script).write_text("#!/bin/sh\n")
            (provider / script).chmod(0o755)
    (cluster.nodes["node2"].paths.under("/srv/ganeti/os/tiny") / "create").unlink()
    assert await found(cluster) == [
        "ENODEOS:node2:the OS tiny cannot be used: it has no executable 'create'",
        "ENODEOS:node3:lacks the OS tiny, which node1, node2 has",
    ]


async def test_power_programs_that_are_missing_or_cannot_be_run_are_found(cluster):
    present = with_program(cluster.nodes["node1"].paths, "/usr/local/bin/power")
    present.chmod(0o644)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node2", ndparams={"oob_program": "/usr/local/bin/power"})
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"oob_program": "/nowhere"})
    assert await found(cluster) == [
        "ENODEOOBPATH:node1:Parameter 'oob_program': /nowhere does not exist",
        "ENODEOOBPATH:node1:Parameter 'oob_program': /usr/local/bin/power is not executable",
    ]
    present.chmod(0o755)
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", ndparams={"oob_program": ""})
    assert await found(cluster) == []
