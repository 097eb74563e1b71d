# SPDX-License-Identifier: BSD-2-Clause
"""A cluster of real daemons goes over to another version of the software, and back, while a guest runs."""

import json
import signal
import sys
from pathlib import Path

import pytest

import ganeti
from ganeti.config.store import FORMAT
from ganeti.host.daemons import MASTER_DAEMONS, NODE_DAEMONS

SOURCE = Path(ganeti.__file__).parent
SITE = next(Path(sys.prefix).glob("lib/python3*/site-packages"))
OLD, NEW = ganeti.VERSION, "4.0.99"
OLDER, OLD_FORMAT = "3.9.0", 3  # which knows no forthcoming instances
NODES = ("node1", "node2", "node3")
GNT = "/opt/ganeti/bin/gnt-cluster"
_STOP = (
    "import sys; from ganeti.host.paths import Paths; from ganeti.host.services import services; "
    "[services(Paths.from_environment()).stop(name) for name in sys.argv[1:]]"
)
# The command, which is killed when it has done a stage.
_KILLED_AFTER = """
import os, signal, sys
from ganeti.bootstrap.upgrade import Upgrade
from ganeti.cli.script import run
do = Upgrade._do
def and_die(self, stage, intent):
    do(self, stage, intent)
    if stage == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
Upgrade._do = and_die
sys.exit(run("gnt-cluster", ["upgrade", "--to", sys.argv[2]]))
"""
_START = _STOP.replace("stop", "start")


def install(node, version, form=FORMAT):
    """What './run install' makes, of the source that is tested, with another number; packages are the clone's."""
    place = f"/opt/ganeti/{version}"
    packages = node.path(f"{place}/lib") / SITE.parent.name / "site-packages"
    for words in (
        ("python3", "-m", "venv", "--without-pip", place),
        ("cp", "-r", str(SOURCE), f"{place}/ganeti"),
        ("sed", "-i", f's/^VERSION = .*/VERSION = "{version}"/', f"{place}/ganeti/__init__.py"),
        ("sed", "-i", f"s/^FORMAT = .*/FORMAT = {form}/", f"{place}/ganeti/config/store.py"),
    ):
        done = node.run(*words)
        assert not done.failed, done.why()
    (packages / "ganeti.pth").write_text(f"{place}\n{SITE}\n")
    for script in (*Path(sys.prefix, "bin").glob("gnt-*"), *Path(sys.prefix, "bin").glob("ganeti-*")):
        _, _, body = script.read_text().partition("\n")
        copy = node.path(f"{place}/bin/{script.name}")
        copy.write_text(f"#!{place}/bin/python\n{body}")
        copy.chmod(0o755)
    node.write(f"{place}/installed.json", json.dumps({"version": version, "format": form}))


@pytest.fixture
def versioned(cluster):
    """The cluster's daemons are of an installed version; another one is installed on some nodes."""
    for name in NODES:
        node = cluster.lab.node(name)
        assert not node.run("rm", "-rf", "/opt/ganeti").failed  # what the machine has, if it is a node itself
        for version in (OLD, NEW) if name != "node3" else (OLD,):
            install(node, version)
        assert not node.run("ln", "-s", OLD, "/opt/ganeti/current").failed
        assert not node.run("ln", "-s", "current/bin", "/opt/ganeti/bin").failed
        daemons = [*NODE_DAEMONS, *(MASTER_DAEMONS if name == "node1" else ())]
        for script in (_STOP, _START):
            done = node.run(f"/opt/ganeti/{OLD}/bin/python", "-c", script, *daemons, timeout=120)
            assert not done.failed, done.why()
    return cluster


def daemons(cluster, name):
    """The programs of a node's daemons."""
    done = cluster.lab.node(name).run("pgrep", "-a", "-f", "^/opt/ganeti/.*ganeti-(noded|masterd|rapi|confd|mond)")
    return {Path(line.split()[2]).name: line.split()[1] for line in done.output.splitlines()}


def upgrade(cluster, *words):
    done = cluster.master.run(GNT, "upgrade", *words, timeout=300)
    return done.status, done.output + done.errors


def run_everywhere(cluster, version):
    for name in NODES:
        found = daemons(cluster, name)
        expected = {*NODE_DAEMONS, *(MASTER_DAEMONS if name == "node1" else ())}
        assert found.keys() == expected, (name, found)
        assert set(found.values()) == {f"/opt/ganeti/{version}/bin/python"}, (name, found)


def test_it_goes_over_and_back_and_a_guest_runs_on(versioned):
    cluster = versioned
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "-B", "memory=128,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2", "web1.lab.test")
    qemu = cluster.lab.node("node2").run("pgrep", "-f", "qemu-system").output
    assert qemu
    run_everywhere(cluster, OLD)

    status, told = upgrade(cluster, "--to", NEW)
    assert status == 1, told
    assert f"node3.lab.test does not have {NEW} (installed: {OLD})" in told
    run_everywhere(cluster, OLD)
    install(cluster.lab.node("node3"), NEW)

    job = cluster.gnt("gnt-debug", "delay", "--submit", "--print-jobid", "5").split()[-1]
    status, told = upgrade(cluster, "--to", NEW)
    assert (status, f"The cluster runs {NEW}" in told) == (0, True), told
    assert f"Waiting for job {job} ..." in told
    assert cluster.gnt("gnt-job", "list", "--no-headers", "-o", "status", job) == "success\n"
    run_everywhere(cluster, NEW)
    assert upgrade(cluster, "--resume") == (0, "No upgrade is under way\n")
    assert not cluster.master.run("test", "-s", f"/var/lib/ganeti/cluster.db.{OLD}").failed
    status, told = upgrade(cluster, "--to", NEW)
    assert (status, f"All nodes run {NEW} already" in told) == (1, True), told

    status, told = upgrade(cluster, "--to", OLD)
    assert status == 0, told
    run_everywhere(cluster, OLD)
    assert cluster.lab.node("node2").run("pgrep", "-f", "qemu-system").output == qemu
    rows = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name,status")
    assert rows.split() == ["web1.lab.test", "running"]


def test_what_is_interrupted_goes_on(versioned):
    cluster = versioned
    install(cluster.lab.node("node3"), NEW)
    current = OLD
    for stage, target in zip(("draining", "stopping", "keeping", "switching"), (NEW, OLD, NEW, OLD), strict=True):
        python = f"/opt/ganeti/{current}/bin/python"
        killed = cluster.master.run(python, "-c", _KILLED_AFTER, stage, target, timeout=300)
        assert killed.status == -signal.SIGKILL, killed.why()
        assert json.loads(cluster.master.read("/var/lib/ganeti/upgrade"))["stage"] == stage
        status, told = upgrade(cluster, "--resume")
        assert status == 0, told
        run_everywhere(cluster, target)
        current = target
    assert cluster.gnt("gnt-cluster", "queue", "info") == "The drain flag is unset\n"


def formats(cluster):
    """Of the state on the master and of its replicas."""
    read = (
        "import sqlite3; print(*sqlite3.connect('/var/lib/ganeti/cluster.db').execute('SELECT format FROM position'))"
    )
    return [cluster.lab.node(name).run("python3", "-c", read).output.strip() for name in NODES]


def test_it_goes_back_to_a_version_that_knows_an_older_format(versioned):
    cluster = versioned
    for name in NODES:
        install(cluster.lab.node(name), OLDER, OLD_FORMAT)
    add = ("gnt-instance", "add", "-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt(*add, "--forthcoming", "--no-name-check", "--no-ip-check", "-n", "node2", "soon1.lab.test")

    for words in (("--preview",), ()):
        status, told = upgrade(cluster, "--to", OLDER, *words)
        assert status == 1, told
        assert "and would take them for some whose disks are lost: soon1.lab.test. To go back," in told.replace(
            "\n", " "
        )
    run_everywhere(cluster, OLD)
    cluster.gnt("gnt-instance", "remove", "-f", "soon1.lab.test")
    cluster.gnt(*add, "-B", "memory=128,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2", "web1.lab.test")
    qemu = cluster.lab.node("node2").run("pgrep", "-f", "qemu-system").output
    before = formats(cluster)
    assert set(before) == {f"({FORMAT},)"}

    status, told = upgrade(cluster, "--to", OLDER, "--preview")
    assert status == 0, told
    assert f"Would convert the state to format {OLD_FORMAT}, which {OLDER} reads; nothing of it is lost" in told
    assert f"Would switch node3.lab.test to {OLDER} (runs {OLD}; installed: {OLDER}, {OLD})" in told
    assert formats(cluster) == before
    run_everywhere(cluster, OLD)

    status, told = upgrade(cluster, "--to", OLDER)
    assert status == 0, told
    run_everywhere(cluster, OLDER)
    assert set(formats(cluster)) == {f"({OLD_FORMAT},)"}
    rows = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name,status")
    assert rows.split() == ["web1.lab.test", "running"]

    status, told = upgrade(cluster, "--to", OLD)
    assert status == 0, told
    run_everywhere(cluster, OLD)
    assert set(formats(cluster)) == {f"({FORMAT},)"}
    assert cluster.lab.node("node2").run("pgrep", "-f", "qemu-system").output == qemu
