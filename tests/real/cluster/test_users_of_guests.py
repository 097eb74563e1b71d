# SPDX-License-Identifier: BSD-2-Clause
"""Real guests run as users of a pool, and show a certificate on their SPICE consoles."""

import re

import pytest

NODES = ("node1", "node2", "node3")
USERS = ("gnt0:x:4000:4000::/:/bin/false", "gnt1:x:4001:4001::/:/bin/false")


@pytest.fixture
def pool(cluster):
    """Two users on each node, as the cluster's pool."""
    for name in NODES:
        passwd = cluster.lab.node(name).path("/etc/passwd")
        passwd.write_text("".join(f"{line}\n" for line in (*passwd.read_text().splitlines(), *USERS)))
    cluster.gnt("gnt-cluster", "modify", "--uid-pool=4000-4001")
    cluster.gnt("gnt-cluster", "modify", "-H", "kvm:security_model=pool")
    return cluster


def add(cluster, name, *more):
    words = ("gnt-instance", "add", "-t", "sharedfile", "--disk", "0:size=1g", "-o", "tiny+default", *more)
    return cluster.master.run(
        *words, "-B", "memory=128", "--no-name-check", "--no-ip-check", "-n", "node2", name, timeout=120
    )


def users(cluster, node):
    """The users of the guests' processes."""
    listed = cluster.lab.node(node).run("ps", "-C", "qemu-system-x86", "-o", "user=", timeout=60).output
    return sorted(listed.split())


def test_guests_run_as_users_of_their_own(pool):
    for name in ("web1.lab.test", "web2.lab.test"):
        done = add(pool, name)
        assert not done.failed, done.why()
    assert users(pool, "node2") == ["gnt0", "gnt1"]
    refused = add(pool, "web3.lab.test")
    assert refused.failed
    assert "All 2 users of the cluster's pool that this node has are taken" in refused.why()
    pool.kill("ganeti-noded", "node2")
    pool.start("ganeti-noded", "node2")
    assert pool.master.run("gnt-instance", "startup", "web3.lab.test", timeout=60).failed
    pool.gnt("gnt-instance", "migrate", "-f", "-n", "node3", "web1.lab.test")
    pool.gnt("gnt-instance", "startup", "web3.lab.test")
    assert (users(pool, "node2"), users(pool, "node3")) == (["gnt0", "gnt1"], ["gnt0"])


def test_a_console_of_spice_shows_the_clusters_certificate(cluster):
    spice = ("-H", "kvm:spice_bind=127.0.0.1,spice_use_tls=yes,spice_tls_ciphers=HIGH")
    refused = add(cluster, "web1.lab.test", *spice)
    assert "'gnt-cluster renew-crypto --new-spice-certificate' makes one for all nodes" in refused.why()
    cluster.gnt("gnt-cluster", "renew-crypto", "-f", "--new-spice-certificate")
    done = add(cluster, "web1.lab.test", *spice)
    assert not done.failed, done.why()
    node = cluster.lab.node("node2")
    port = re.search(r"tls-port=(\d+)", node.run("pgrep", "-af", "qemu-system", timeout=60).output)[1]
    authority = ("-CAfile", "/var/lib/ganeti/spice-ca.pem", "-verify_hostname", "node2.lab.test")
    shown = node.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *authority, timeout=60)
    assert "Verification: OK" in shown.output + shown.errors
    assert "Verified peername: node2.lab.test" in shown.output + shown.errors
