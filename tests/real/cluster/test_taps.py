# SPDX-License-Identifier: BSD-2-Clause
"""What connects the taps of real guests: scripts of the nodes' own, and routes, wherever a guest goes."""

import json

from tests.real.cluster.work import eventually

NAME = "web1.lab.test"
ADDRESS = "192.0.2.20"
# Writes down when it was run and for what; a card is connected by nothing else.
SCRIPT = r"""#!/bin/sh
echo "$(basename "$0") $1 $2 $INSTANCE $INTERFACE_INDEX $MODE $LINK ${IP:--} $TAGS" >>/tmp/taps
"""


def add(cluster, *words):
    memory = ("-B", "maxmem=192,minmem=128,vcpus=1", "--no-name-check", "--no-ip-check", "-n", "node2")
    kind = ("-t", "sharedfile", "-H", "kvm", "--disk", "0:size=1g", "-o", "tiny+default")
    cluster.gnt("gnt-instance", "add", *kind, *memory, *words, NAME)


def script(cluster, node, name, text=SCRIPT):
    path = cluster.lab.node(node).path(f"/etc/ganeti/{name}")
    path.write_text(text)
    path.chmod(0o755)


def told(cluster, node):
    """Since it was last asked; without the names of taps."""
    path = cluster.lab.node(node).path("/tmp/taps")
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [" ".join(word for word in line.split() if not word.startswith("gnt-")) for line in lines]


def test_a_nodes_own_scripts_connect_what_comes_and_clear_away_what_goes(cluster):
    for node in ("node2", "node3"):
        script(cluster, node, "kvm-vif-bridge")
        script(cluster, node, "kvm-ifdown-custom")
    add(cluster, "--net", "0:mode=bridged,link=nowhere", "--tags", "blue")
    up, down = f"kvm-vif-bridge {NAME}", "kvm-ifdown-custom"
    assert told(cluster, "node2") == [f"{up} 0 bridged nowhere - blue"]
    cluster.gnt("gnt-instance", "modify", "--net", f"add:mode=openvswitch,link=ovs9,ip={ADDRESS}", NAME)
    assert told(cluster, "node2") == [f"{up} 1 openvswitch ovs9 {ADDRESS} blue"]
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    both = [f"{NAME} 0 bridged nowhere - blue", f"{NAME} 1 openvswitch ovs9 {ADDRESS} blue"]
    assert told(cluster, "node3") == [f"kvm-vif-bridge {card}" for card in both]
    assert sorted(told(cluster, "node2")) == [f"{down} True {card}" for card in both]
    # An emulated guest on a busy machine may take longer than a guest is given.
    removed = ("gnt-instance", "modify", "--net", "1:remove", NAME)
    eventually(lambda: not cluster.master.run(*removed, timeout=120).failed)
    assert told(cluster, "node3") == [f"{down} False {both[1]}"]
    cluster.gnt("gnt-instance", "shutdown", "--timeout", "0", NAME)
    assert told(cluster, "node3") == [f"{down} False {both[0]}"]
    script(cluster, "node3", "kvm-vif-bridge", "#!/bin/sh\necho the controller is away >&2\nexit 4\n")
    refused = cluster.master.run("gnt-instance", "start", NAME, timeout=120)
    assert "The 'kvm-vif-bridge' script of this node for network card 0" in refused.why()
    assert "the controller is away" in refused.why()


def routes(cluster, node, *words):
    """Where a node sends what is for the guest."""
    found = cluster.lab.node(node).run("ip", "-json", "route", "show", ADDRESS, *words, timeout=60)
    return [route["dst"] for route in json.loads(found.output or "[]")]


def rules(cluster, node):
    found = cluster.lab.node(node).run("ip", "-json", "rule", "show", timeout=60)
    return [rule["table"] for rule in json.loads(found.output) if rule.get("iif", "").startswith("gnt-")]


def test_a_guest_is_routed_to_the_node_that_runs_it_and_no_other(cluster):
    add(cluster, "--net", f"0:mode=routed,link=main,ip={ADDRESS}")
    assert (routes(cluster, "node2"), routes(cluster, "node3")) == ([ADDRESS], [])
    cluster.gnt("gnt-instance", "modify", "--net", "0:link=100", NAME)
    assert (routes(cluster, "node2"), routes(cluster, "node2", "table", "100")) == ([], [ADDRESS])
    assert rules(cluster, "node2") == ["100"]
    cluster.gnt("gnt-instance", "migrate", "-f", "-n", "node3", NAME)
    assert (routes(cluster, "node2", "table", "100"), routes(cluster, "node3", "table", "100")) == ([], [ADDRESS])
    assert (rules(cluster, "node2"), rules(cluster, "node3")) == ([], ["100"])
    cluster.gnt("gnt-instance", "modify", "--net", "add:mode=routed,link=main,ip=192.0.2.21", NAME)
    assert "192.0.2.21" in cluster.lab.node("node3").run("ip", "route", timeout=60).output
    cluster.gnt("gnt-instance", "modify", "--net", "1:ip=192.0.2.22", NAME)
    found = cluster.lab.node("node3").run("ip", "route", timeout=60).output
    assert "192.0.2.22" in found
    assert "192.0.2.21" not in found
    cluster.gnt("gnt-instance", "shutdown", "--timeout", "0", NAME)
    assert rules(cluster, "node3") == []
    cluster.gnt("gnt-instance", "modify", "--net", "0:link=nowhere", NAME, "--force")
    refused = cluster.master.run("gnt-instance", "start", NAME, timeout=120)
    assert "There is no routing table 'nowhere' on this node" in refused.why()
    assert "There is no routing table 'nowhere'" in cluster.master.run("gnt-cluster", "verify", timeout=120).output
