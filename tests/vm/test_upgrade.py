# SPDX-License-Identifier: BSD-2-Clause
"""Nodes with systemd go over to another version of the software: their units restart, and a guest runs on."""

import pytest

import ganeti
from ganeti.config.store import FORMAT
from ganeti.host.daemons import MASTER_DAEMONS, NODE_DAEMONS
from tests.vm.conftest import BOOTS, GUEST, PATIENCE

OLD, NEW = ganeti.VERSION, "4.0.99"
# Lines of shell that turn the software of a virtual node into what './run install' makes: a virtual environment for
# each version, links to the one in use. Units and commands go on finding their programs in /opt/ganeti/bin.
INSTALL = f"""
cd /opt/ganeti
site=$(echo lib/python3*/site-packages)
for version in {OLD} {NEW}; do
    python3 -m venv --without-pip $version
    cp -a src/. $version/
    sed -i "s/^VERSION = .*/VERSION = \\"$version\\"/" $version/ganeti/__init__.py
    printf '%s\\n' /opt/ganeti/$version /opt/ganeti/$site >$version/$site/ganeti.pth
    for program in bin/gnt-* bin/ganeti-*; do
        sed "1s,.*,#!/opt/ganeti/$version/bin/python3," $program >$version/$program
        chmod 755 $version/$program
    done
    echo '{{"version": "'$version'", "format": {FORMAT}}}' >$version/installed.json
done
for program in bin/gnt-* bin/ganeti-*; do
    ln -sf /opt/ganeti/$program /usr/local/sbin/
done
rm -f pyvenv.cfg
mv bin bin.old
ln -s {OLD} current
ln -s current/bin bin
"""


def units(node):
    return [*NODE_DAEMONS, *(MASTER_DAEMONS if node.name == "node1" else ())]


def runs(node, unit):
    """The program of a unit's process."""
    return node.script(f"tr '\\0' '\\n' </proc/$(systemctl show --value -p MainPID {unit})/cmdline").split()[0]


@pytest.fixture(scope="module")
def versioned(cluster):
    """The cluster's units run an installed version; another one is installed too."""
    for node in cluster.lab.nodes:
        node.script(INSTALL, timeout=PATIENCE)
        node.script(f"systemctl restart {' '.join(units(node))}", timeout=PATIENCE)
    return cluster


def run_everywhere(cluster, version):
    for node in cluster.lab.nodes:
        found = {unit: runs(node, unit) for unit in units(node)}
        assert found == dict.fromkeys(units(node), f"/opt/ganeti/{version}/bin/python3")
        assert node.run("systemctl", "is-enabled", "ganeti-noded").output == "enabled\n"


def guests(cluster):
    """The numbers of their processes."""
    return cluster.lab.node("node2").run("pgrep", "qemu-system").output


def test_units_go_over_to_another_version_and_back_and_a_guest_runs_on(versioned):
    cluster = versioned
    run_everywhere(cluster, OLD)
    cluster.gnt("gnt-instance", "add", "-t", "file", "--disk", "0:size=64m", *BOOTS, "-n", "node2", GUEST)
    guest = guests(cluster)
    assert guest
    for version in (NEW, OLD):
        told = cluster.gnt("gnt-cluster", "upgrade", "--to", version)
        assert f"The cluster runs {version}" in told
        run_everywhere(cluster, version)
    assert guests(cluster) == guest
    rows = cluster.gnt("gnt-instance", "list", "--no-headers", "-o", "name,status")
    assert rows.split() == [GUEST, "running"]


def test_a_master_that_reboots_starts_the_version_in_use(versioned):
    cluster = versioned
    cluster.gnt("gnt-cluster", "upgrade", "--to", NEW)
    cluster.master.script("sync")
    cluster.master.kill()
    cluster.master.boot().wait()
    cluster.gnt("gnt-cluster", "upgrade", "--resume")
    run_everywhere(cluster, NEW)
