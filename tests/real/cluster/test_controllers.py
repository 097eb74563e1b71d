# SPDX-License-Identifier: BSD-2-Clause
"""Our out-of-band programs and controllers that were not written for them: simulators of IPMI and of Redfish."""

import json
import sys
from pathlib import Path

import pytest

from tests.real.cluster import bmc
from tests.real.cluster.switches import switches
from tests.real.cluster.work import eventually

NAMES = ("node2", "node3")
HEALTHY = "Ambient Temp=OK"


def use(cluster, program, settings):
    helper = Path(sys.prefix) / "bin" / program
    cluster.gnt("gnt-cluster", "modify", "--node-parameters", f"oob_program={helper}")
    cluster.master.write("/etc/ganeti/oob.toml", settings)
    assert not cluster.master.run("chmod", "600", "/etc/ganeti/oob.toml").failed


def power(cluster, *words):
    """What is printed of nodes 2 and 3."""
    told = cluster.gnt("gnt-node", "power", "--no-headers", "--separator=:", *words).splitlines()
    return [line.partition(":")[2] for line in told if line.startswith("node")]


def refused(cluster):
    """With a password that is wrong."""
    settings = cluster.master.read("/etc/ganeti/oob.toml").replace(bmc.PASSWORD, "wrong")
    cluster.master.write("/etc/ganeti/oob.toml", settings)
    done = cluster.master.run("gnt-node", "power", "status", "node3")
    assert done.status == 1
    assert "node3.lab.test (nodata)" in done.output
    return done.output + done.errors


@pytest.fixture
def machines(cluster):
    with switches(cluster.lab) as made:
        yield made


def test_machines_of_the_lab_are_switched_by_ipmi(cluster, machines):
    use(cluster, "ganeti-oob-ipmi", bmc.start_ipmi(cluster.lab, NAMES))
    eventually(lambda: not cluster.master.run("gnt-node", "power", "status", "node2", "node3").failed)
    assert power(cluster, "status", *NAMES) == ["powered", "powered"]
    power(cluster, "-f", "off", "node3")
    assert [machines.has_power(name) for name in NAMES] == [True, False]
    assert power(cluster, "status", *NAMES) == ["powered", "unpowered"]
    power(cluster, "on", "node3")
    assert machines.has_power("node3")
    eventually(lambda: not cluster.master.run("gnt-node", "modify", "-O", "no", "node3").failed)
    before = cluster.lab.node("node3").pid
    power(cluster, "-f", "cycle", "node3")
    eventually(lambda: machines.has_power("node3") and cluster.lab.node("node3").pid != before)
    assert power(cluster, "status", "node3") == ["powered"]
    told = cluster.gnt("gnt-node", "health", "node3")
    for line in (HEALTHY, "FAN 1=CRITICAL", "CPU Temp=WARNING"):
        assert line in told
    assert "Unable to establish IPMI v2 / RMCP+ session" in refused(cluster)


def test_systems_of_a_redfish_service_are_switched(cluster):
    settings, systems = bmc.start_redfish(cluster.lab, NAMES)

    def is_on(name):
        return json.loads(bmc.redfish_says(cluster.lab, systems[name]))["PowerState"] == "On"

    use(cluster, "ganeti-oob-redfish", settings)
    assert power(cluster, "status", *NAMES) == ["powered", "powered"]
    power(cluster, "-f", "off", "node3")
    assert [is_on(name) for name in NAMES] == [True, False]
    assert power(cluster, "status", *NAMES) == ["powered", "unpowered"]
    power(cluster, "on", "node3")
    assert is_on("node3")
    cluster.gnt("gnt-node", "modify", "-O", "no", "node3")
    power(cluster, "-f", "cycle", "node3")
    eventually(lambda: is_on("node3"))
    told = cluster.gnt("gnt-node", "health", "node3")
    for line in ("System=OK", "Processors=OK", "Memory=OK"):
        assert line in told
    assert "401" in refused(cluster)
