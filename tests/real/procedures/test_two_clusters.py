# SPDX-License-Identifier: BSD-2-Clause
"""What takes two clusters, which stand in one lab."""

import pytest

from ganeti.lab.lab import down
from tests.real.procedures.administrator import Administrator, procedure
from tests.real.procedures.conftest import INIT, furnished, instead_of

# Mirrored disks need a kernel with DRBD (tests/vm); where they are is not the point of this.
NO_DRBD = {" --dest-secondary-node=node4.example.com": ""}


@pytest.fixture
def two_clusters(provider, request):
    """At the first of two machines of ``cluster``; the other two are ``cluster2``."""
    lab = furnished(provider, nodes=4)
    someone = Administrator(lab, instead_of(request))
    someone.types(f"{INIT} && gnt-node add node2")
    someone.types(f"{INIT}2 && gnt-node add node4", on="node3")
    yield someone
    down(lab.plan.name)


@procedure("mig-09", instead=NO_DRBD)
def test_a_guest_goes_to_another_cluster(two_clusters):
    """Move a guest to another cluster."""
    two_clusters.types("gnt-cluster renew-crypto -f --new-cluster-domain-secret")
    two_clusters.types("scp -q /var/lib/ganeti/cluster-domain-secret node3:/root/ganeti.cds")
    two_clusters.types("gnt-cluster renew-crypto -f --cluster-domain-secret=/root/ganeti.cds", on="node3")
    two_clusters.types("gnt-network add --network=192.0.2.0/24 net1 && gnt-network connect net1 default", on="node3")
    for node, side in (("node1", "src"), ("node3", "dst")):
        two_clusters.types(
            "cp /var/lib/ganeti/ca.pem rapi.pem; echo mover hush write >/var/lib/ganeti/rapi/users", on=node
        )
        two_clusters.types(f"scp -q {node}:rapi.pem rapi-{side}.pem; echo hush >{side}.pw")
    two_clusters.has_guest(on="node1")
    told = two_clusters.types(
        "/usr/lib/ganeti/tools/move-instance --verbose --src-ca-file=rapi-src.pem --dest-ca-file=rapi-dst.pem"
        " --src-username=mover --src-password-file=src.pw --dest-username=mover --dest-password-file=dst.pw"
        " --dest-primary-node=node3.example.com --dest-secondary-node=node4.example.com"
        " --net=0:network=net1,ip=pool cluster.example.com cluster2.example.com web1.example.com"
    )
    assert "Moved to node3.example.com" in told.text
    assert two_clusters.types("gnt-instance list --no-headers").text == ""
    line = "gnt-instance list --no-headers --separator=: -o name,pnode,status,nic.network.name/0,nic.ip/0"
    assert two_clusters.types(line, on="node3").text == "web1.example.com:node3.example.com:running:net1:192.0.2.1\n"
