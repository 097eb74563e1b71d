# SPDX-License-Identifier: BSD-2-Clause
"""Keys and certificates are renewed on real machines, and nothing stands still meanwhile."""

import asyncio
import shutil
import ssl
import subprocess

from ganeti.errors import NodeUnreachable
from ganeti.host.tls import client_context
from ganeti.model.node import Node
from ganeti.rpc.authority import read_term
from ganeti.rpc.client import NodeClient
from ganeti.rpc.contract.node import Ping
from ganeti.rpc.http import HttpTransport
from tests.real.cluster.work import creation, eventually, statuses

NAMES = ("node1", "node2", "node3")


def stolen(cluster, directory):
    """What somebody has who has copied the master's files; a client with it."""
    directory.mkdir()
    for file in ("node.pem", "ca.pem"):
        shutil.copy(cluster.master.path(f"/var/lib/ganeti/{file}"), directory / file)
    term = read_term(cluster.master.path("/var/lib/ganeti/term"))
    key = directory / "node.pem"
    context = client_context(key, key, directory / "ca.pem")
    return NodeClient(HttpTransport(lambda: context), term.master, lambda: term.number + 5)


def try_it(client, machine):
    """What somebody gets to hear who calls a node."""

    async def call():
        node = Node(uuid="", name=machine.full_name, primary_ip=machine.address, group="")
        try:
            return await client.call(node, Ping())
        except NodeUnreachable as error:
            return error
        finally:
            await client.close()

    return asyncio.run(call())


def daemons(cluster):
    return {
        (name, daemon): cluster.lab.node(name).path(f"/run/ganeti/{daemon}.pid").read_text()
        for name, daemon in [
            ("node1", "ganeti-masterd"),
            ("node1", "ganeti-rapi"),
            *((n, "ganeti-noded") for n in NAMES),
        ]
    }


def shown_by_the_api(cluster):
    return ssl.get_server_certificate((cluster.master.address, 5080))


def test_everything_is_renewed_while_jobs_run_and_the_old_keys_are_worth_nothing(cluster, tmp_path):
    before, api = daemons(cluster), shown_by_the_api(cluster)
    thief = stolen(cluster, tmp_path / "stolen")
    client = cluster.client()
    jobs = [client.call("SubmitJob", [creation(f"guest{n}.lab.test")]) for n in range(5)]
    long = client.call("SubmitJob", [{"OP_ID": "OP_TEST_DELAY", "duration": 5, "on_nodes": ["node2.lab.test"]}])
    cluster.gnt("gnt-cluster", "renew-crypto", "-f", "--new-cluster-certificate")
    jobs += [client.call("SubmitJob", [creation(f"guest{n}.lab.test")]) for n in range(5, 8)]
    assert set(statuses(cluster, [*jobs, long]).values()) == {"success"}

    assert daemons(cluster) == before  # nobody was restarted
    authorities = {cluster.lab.node(name).path("/var/lib/ganeti/ca.pem").read_text() for name in NAMES}
    assert [text.count("BEGIN CERTIFICATE") for text in authorities] == [1]
    assert shown_by_the_api(cluster) != api
    assert isinstance(try_it(thief, cluster.lab.node("node2")), NodeUnreachable)
    eventually(lambda: cluster.master.run("gnt-cluster", "verify"), lambda done: not done.failed)

    # With the new keys alone another node becomes the master, and a new one comes in.
    two = cluster.lab.node("node2")
    done = two.run("gnt-cluster", "master-failover", timeout=120)
    assert not done.failed, done.why()
    eventually(lambda: two.run("gnt-cluster", "verify"), lambda done: not done.failed)
    assert not two.run("gnt-cluster", "renew-crypto", "-f", "--new-node-certificates", timeout=120).failed


def test_a_node_that_was_off_meanwhile_is_added_again(cluster):
    three = cluster.lab.node("node3")
    three.kill()
    done = cluster.master.run("gnt-cluster", "renew-crypto", "-f", "--new-cluster-certificate", timeout=120)
    assert done.failed
    assert "node3" in done.errors + done.output
    cluster.gnt("gnt-node", "modify", "--offline=yes", "node3")
    told = cluster.gnt("gnt-cluster", "renew-crypto", "-f", "--new-cluster-certificate")
    assert "gnt-node add --readd node3" in told
    three.boot().wait()
    assert cluster.master.run("gnt-node", "modify", "--offline=no", "node3", timeout=120).failed
    cluster.gnt("gnt-node", "add", "--readd", "node3")
    eventually(lambda: cluster.master.run("gnt-cluster", "verify"), lambda done: not done.failed)


def test_the_remote_api_gets_a_certificate_of_the_administrators(cluster, tmp_path):
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=cluster.lab.test", "-days", "9"]
    subprocess.run([*made, "-keyout", tmp_path / "key", "-out", tmp_path / "pem"], check=True, capture_output=True)
    given = (tmp_path / "pem").read_text() + (tmp_path / "key").read_text()
    cluster.master.path("/root/api.pem").write_text(given)
    cluster.gnt("gnt-cluster", "renew-crypto", "-f", "--rapi-certificate=/root/api.pem")
    assert shown_by_the_api(cluster).strip() == (tmp_path / "pem").read_text().strip()
    assert cluster.lab.node("node2").path("/var/lib/ganeti/rapi.pem").read_text().strip() == given.strip()
