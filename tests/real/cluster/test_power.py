# SPDX-License-Identifier: BSD-2-Clause
"""Machines that really lose their power, by the way that it goes with IPMI; and commands on them, by their real ssh."""

import sys
from pathlib import Path

import pytest

from tests.real.cluster.switches import switches
from tests.real.cluster.work import eventually

RULE = "-" * 48
HELPER = str(Path(sys.prefix) / "bin/ganeti-oob-ipmi")
CONTROLLERS = '[defaults]\naddress = "{short}"\nuser = "lab"\npassword = "secret"\n'
# A controller is a directory: what is wanted of its machine, and what the machine is.
IPMITOOL = """\
#!/bin/sh
[ "$IPMI_PASSWORD" = secret ] || exit 1
cd /srv/ganeti/shared-file-storage/power/$4 || exit 1
case $* in
*"power status") echo "Chassis Power is $(cat is)";;
*"power on") echo on >wanted;;
*"power off") echo off >wanted;;
*"sdr list") printf '%s\\n' 'Ambient Temp | 23 degrees C | ok' 'FAN 1 | 900 RPM | nc';;
esac
"""


@pytest.fixture
def power(cluster):
    """Nodes with controllers, and an instance on each."""
    master = cluster.master
    master.write("/usr/sbin/ipmitool", IPMITOOL)
    master.write("/etc/ganeti/oob.toml", CONTROLLERS)
    assert not master.run("chmod", "755", "/usr/sbin/ipmitool").failed
    assert not master.run("chmod", "600", "/etc/ganeti/oob.toml").failed
    cluster.gnt("gnt-cluster", "modify", "--node-parameters", f"oob_program={HELPER}")
    for number in (1, 2, 3):
        shape = ("-H", "fake", "-t", "diskless", "-o", "tiny", "--no-install", "--no-name-check", "--no-ip-check")
        cluster.gnt("gnt-instance", "add", *shape, "-n", f"node{number}", f"web{number}.lab.test")
        cluster.gnt("gnt-instance", "startup", f"web{number}.lab.test")
    with switches(cluster.lab) as made:
        yield made


def statuses(cluster):
    lines = cluster.gnt("gnt-instance", "list", "--no-headers", "--separator=:", "-o", "name,status").split()
    return dict(line.removeprefix("web").replace(".lab.test", "").split(":") for line in lines)


def roles(cluster):
    lines = cluster.gnt("gnt-node", "list", "--no-headers", "--separator=:", "-o", "name,role,powered").split()
    return [line.partition(":")[2] for line in lines]


def test_nodes_lose_their_power_and_come_back_with_their_instances(cluster, power):
    cluster.gnt("gnt-cluster", "epo", "-f", "node2")
    assert [power.has_power(name) for name in ("node2", "node3")] == [False, True]
    assert roles(cluster) == ["M:Y", "O:N", "C:Y"]
    assert statuses(cluster) == {"1": "running", "2": "ERROR_nodeoffline", "3": "running"}
    cluster.gnt("gnt-cluster", "epo", "-f", "--all")
    assert [power.has_power(name) for name in ("node2", "node3")] == [False, False]
    assert statuses(cluster) == {"1": "ERROR_down", "2": "ERROR_nodeoffline", "3": "ERROR_nodeoffline"}
    assert "is paused" in cluster.gnt("gnt-cluster", "watcher", "info")
    cluster.gnt("gnt-cluster", "epo", "--on", "--all", "--power-delay=0.5")
    assert roles(cluster) == ["M:Y", "C:Y", "C:Y"]
    eventually(lambda: set(statuses(cluster).values()) == {"running"})
    assert "is not paused" in cluster.gnt("gnt-cluster", "watcher", "info")
    cluster.gnt("gnt-cluster", "verify")


def test_one_node_is_switched_off_and_on_and_asked_for_its_health(cluster, power):
    told = cluster.gnt("gnt-node", "power", "--no-headers", "--separator=:", "status", "node2", "node3")
    assert told.splitlines() == ["node2.lab.test:powered", "node3.lab.test:powered"]
    assert "FAN 1=WARNING" in cluster.gnt("gnt-node", "health", "node3")
    cluster.gnt("gnt-node", "power", "-f", "off", "node3")
    assert not power.has_power("node3")
    assert roles(cluster) == ["M:Y", "C:Y", "O:N"]
    told = cluster.gnt("gnt-cluster", "command", "-M", "hostname")
    assert [line for line in told.splitlines() if ":" in line] == ["node2.lab.test: node2", "node1.lab.test: node1"]
    cluster.gnt("gnt-node", "power", "on", "node3")
    assert power.has_power("node3")
    eventually(lambda: not cluster.master.run("gnt-node", "modify", "-O", "no", "node3").failed)
    assert roles(cluster) == ["M:Y", "C:Y", "C:Y"]


def test_a_program_that_hangs_or_is_gone_is_one_line(cluster, power):
    cluster.master.write("/usr/sbin/ipmitool", "#!/bin/sh\nexec sleep 3600\n")
    done = cluster.master.run("gnt-node", "power", "--oob-timeout=1", "status", "node2")
    (line,) = (line for line in done.output.splitlines() if "WARNING" in line)
    assert f"'{HELPER} power-status node2.lab.test' did not finish within 1 seconds" in line
    assert (done.status, done.output.splitlines()[-1]) == (1, "node2.lab.test (nodata)")
    cluster.gnt("gnt-cluster", "modify", "--node-parameters", "oob_program=/usr/sbin/nonesuch")
    done = cluster.master.run("gnt-node", "power", "status", "node2")
    assert "'/usr/sbin/nonesuch' is not installed on this machine" in done.output
    assert "/usr/sbin/nonesuch does not exist" in cluster.master.run("gnt-cluster", "verify").output


def test_a_node_of_the_lab_has_no_machine_that_could_be_reset(cluster):
    for words in (["node2"], ["--force", "node1"]):
        done = cluster.master.run("gnt-node", "powercycle", "--yes", *words)
        assert done.status == 1
        assert "It is no machine of its own but a container, which cannot be reset" in done.errors


def test_commands_and_files_reach_all_nodes_and_restricted_commands_those_that_allow_them(cluster):
    told = cluster.gnt("gnt-cluster", "command", "-M", "hostname", "-s")
    blocks = [(RULE, f"{name}.lab.test: {name}", "return code = 0") for name in ("node2", "node3", "node1")]
    assert told.splitlines() == [line for block in blocks for line in block]
    cluster.master.write("/root/data", "x" * 10**6)
    assert not cluster.master.run("sh", "-c", "chmod 640 /root/data; chown games:games /root/data").failed
    cluster.gnt("gnt-cluster", "copyfile", "/root/data")
    told = cluster.gnt("gnt-cluster", "command", "stat -c %a-%U-%G-%s /root/data; ls -A /root | grep copyfile || true")
    assert [line for line in told.splitlines() if "games" in line] == ["640-games-games-1000000"] * 3
    assert "copyfile" not in told
    place = cluster.lab.node("node2").path("/etc/ganeti/restricted-commands")
    place.mkdir(mode=0o755)
    (place / "whoami").write_text("#!/bin/sh\nid -un\n")
    (place / "whoami").chmod(0o755)
    done = cluster.master.run("gnt-node", "restricted-command", "-M", "whoami", "node2", "node3")
    assert done.status == 1
    assert done.output.splitlines() == [
        *(RULE, "node2.lab.test: root"),
        RULE,
        "On node node3.lab.test: The command cannot be run; the reason is in the log of the node daemon there",
    ]
