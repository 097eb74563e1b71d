# SPDX-License-Identifier: BSD-2-Clause
"""Programs that know nothing of ours read files of a cluster, ask ganeti-confd and read reports of ganeti-mond."""

import json
import sys

from tests.real.cluster.work import eventually

# What runs on a node: it knows the protocol from its description alone.
ASK = """
import hashlib, hmac, json, socket, sys, time
key = open("/var/lib/ganeti/hmac.key", "rb").read()
address, kind, query = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
message = json.dumps({"type": kind, "rsalt": "mine", "protocol": 1, "query": query}) + "\\n"
salt = str(int(time.time()))
sign = lambda salt, text: hmac.new(key, (salt + text).encode(), hashlib.sha1).hexdigest()
packet = b"plj0" + json.dumps({"msg": message, "salt": salt, "hmac": sign(salt, message)}).encode()
talking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
talking.settimeout(5)
talking.sendto(packet, (address, 1814))
answer = talking.recv(65535)
envelope = json.loads(answer[4:])
assert answer[:4] == b"plj0" and envelope["salt"] == "mine" and envelope["hmac"] == sign("mine", envelope["msg"])
print(envelope["msg"])
"""


def ask(cluster, node, address, kind, query=None):
    done = cluster.lab.node(node).run(sys.executable, "-c", ASK, address, str(kind), json.dumps(query))
    assert not done.failed, done.why()
    return json.loads(done.output)


def report(cluster, node, path):
    done = cluster.lab.node("node1").run("curl", "--silent", "--fail", f"http://{node}:1815{path}")
    assert not done.failed, done.why()
    return json.loads(done.output)


def mirror(cluster, node):
    return json.loads(cluster.lab.node(node).read("/var/lib/ganeti/config.data"))


def test_they_find_what_they_read_and_ask_for(cluster):
    words = ("-t", "diskless", "-H", "fake", "-o", "tiny+default", "-n", "node2", "--no-install", "--no-start")
    cluster.gnt(
        "gnt-instance", "add", *words, "--net", "0:ip=10.9.0.1", "--no-name-check", "--no-ip-check", "web1.lab.test"
    )
    for node in ("node1", "node2", "node3"):
        eventually(lambda node=node: mirror(cluster, node)["instances"])
        (instance,) = mirror(cluster, node)["instances"].values()
        assert (instance["name"], instance["admin_state"]) == ("web1.lab.test", "down")
    addresses = candidates(cluster)
    assert len(addresses) == 3
    for address in addresses:
        assert ask(cluster, "node3", address, 3)["answer"] == "node1.lab.test"
        assert ask(cluster, "node3", address, 2, {"0": None, "1": "10.9.0.1"})["answer"] == addresses[1]
    for node in ("node1", "node2", "node3"):
        assert ["cpu-avg-load", "default", 0] in report(cluster, node, "/1/list/collectors")
        assert len(report(cluster, node, "/1/report/all")) == 5
        assert report(cluster, node, "/1/report/default/cpu-avg-load")["data"]["cpu_number"] >= 1
        names = cluster.lab.node(node).run("ps", "-eo", "comm").output.split()
        assert {"ganeti-confd", "ganeti-mond"} <= set(names)


def test_jobs_are_in_files_on_candidates_if_the_cluster_is_set_so(cluster):
    queue = {name: cluster.lab.node(name).path("/var/lib/ganeti/queue") for name in ("node1", "node2", "node3")}
    number = cluster.gnt("gnt-debug", "delay", "--submit", "--print-jobid", "0.5").split()[-1]
    cluster.gnt("gnt-job", "wait", number)
    assert not any(list(place.glob("job-*")) for place in queue.values())
    cluster.gnt("gnt-cluster", "modify", "--job-files", "yes")
    secret = ("--os-parameters-private", "key=rosebud", "-O", "dhcp=yes")
    words = ("-t", "diskless", "-H", "fake", "-o", "tiny+default", "-n", "node2", "--no-install", "--no-start", *secret)
    cluster.gnt("gnt-instance", "add", *words, "--no-name-check", "--no-ip-check", "web1.lab.test")
    newest = cluster.gnt("gnt-job", "list", "--no-headers", "-o", "id").split()[-1]
    for place in queue.values():
        eventually((place / f"job-{newest}").exists)
        eventually(lambda place=place: '"success"' in (place / f"job-{newest}").read_text())
        form = json.loads((place / f"job-{newest}").read_text())
        assert form["ops"][0]["input"]["OP_ID"] == "OP_INSTANCE_CREATE"
        assert "rosebud" not in (place / f"job-{newest}").read_text()
        assert json.loads((place / f"job-{number}").read_text())["ops"][0]["status"] == "success"
    cluster.gnt("gnt-job", "archive", number)
    for place in queue.values():
        eventually((place / "archive/0" / f"job-{number}").exists)
        assert not (place / f"job-{number}").exists()
    cluster.gnt("gnt-cluster", "modify", "--job-files", "no")
    for place in queue.values():
        eventually(lambda place=place: not list(place.rglob("job-*")))


def test_what_somebody_edits_is_written_anew_and_what_a_node_must_not_have_goes(cluster):
    node = cluster.lab.node("node2")
    node.write("/var/lib/ganeti/config.data", "{}")
    eventually(lambda: mirror(cluster, "node2").get("cluster"))
    assert "config.data was changed by somebody" in node.read("/var/log/ganeti/confd.log")
    drain = node.path("/var/lib/ganeti/queue/drain")
    cluster.gnt("gnt-cluster", "queue", "drain")
    eventually(drain.exists)
    cluster.gnt("gnt-cluster", "queue", "undrain")
    eventually(lambda: not drain.exists())
    cluster.kill("ganeti-confd", "node3")
    cluster.gnt("gnt-cluster", "modify", "-C", "1")
    for name in ("node2", "node3"):
        cluster.gnt("gnt-node", "modify", "-C", "no", name)
        assert not cluster.lab.node(name).path("/var/lib/ganeti/config.data").exists()
        assert cluster.lab.node(name).path("/var/lib/ganeti/hmac.key").exists()


def test_a_new_key_counts_at_once_for_all(cluster):
    before = key(cluster, "node3")
    cluster.gnt("gnt-cluster", "renew-crypto", "--new-confd-hmac-key", "--force")
    assert key(cluster, "node1") == key(cluster, "node2") == key(cluster, "node3") != before
    for address in candidates(cluster):
        words = (sys.executable, "-c", ASK, address, "0", "null")
        eventually(lambda words=words: not cluster.lab.node("node3").run(*words).failed)


def key(cluster, node):
    return cluster.lab.node(node).read("/var/lib/ganeti/hmac.key")


def candidates(cluster):
    return cluster.lab.node("node3").read("/var/lib/ganeti/ssconf_master_candidates_ips").split()
