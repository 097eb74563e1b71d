# SPDX-License-Identifier: BSD-2-Clause
"""Scripts and commands know the nodes' SSH servers by what the cluster knows of them."""

from tests.real.cluster.work import eventually

# Nothing else is believed.
_SSH = """ssh -n -oBatchMode=yes -oStrictHostKeyChecking=yes -oGlobalKnownHostsFile=/dev/null \
-oUserKnownHostsFile=/var/lib/ganeti/known_hosts"""


def test_nodes_are_known_by_the_clusters_name_and_their_own_and_by_nothing_else(cluster):
    def on(node, line):
        done = cluster.lab.node(node).run("sh", "-c", line, timeout=120)
        return not done.failed, done.output + done.errors

    alias = "-oHostKeyAlias=$(cat /var/lib/ganeti/ssconf_cluster_name)"
    for node, other in (("node1", "node2"), ("node1", "node3"), ("node3", "node1")):
        eventually(lambda node=node, other=other: on(node, f"{_SSH} {alias} {other}.lab.test hostname"), _good)
        assert on(node, f"{_SSH} {other}.lab.test hostname")[0]
    assert not on("node1", f"{_SSH} -oHostKeyAlias=another node2.lab.test hostname")[0]

    # What the administrator knows by himself is not needed any more, and nothing is added to it.
    assert on("node1", "mv /etc/ssh/ssh_known_hosts /etc/ssh/aside; rm -f /root/.ssh/known_hosts")[0]
    done, told = on("node1", "gnt-cluster command hostname")
    assert done, told
    assert on("node1", "! test -e /root/.ssh/known_hosts")[0]
    assert on("node1", "mv /etc/ssh/aside /etc/ssh/ssh_known_hosts; gnt-cluster verify")[0]


def _good(answer):
    return answer[0]
