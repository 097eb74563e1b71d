# SPDX-License-Identifier: BSD-2-Clause
"""The master and the cluster's certificates."""

from tests.real.procedures.administrator import procedure


@procedure("mas-01")
def test_a_planned_change_of_the_master(admin):
    """Planned change of the master."""
    admin.types("gnt-node modify -C no --force node3")
    admin.afterwards("gnt-node modify -C yes node3")
    refused = admin.is_refused("ssh node3.example.com gnt-cluster master-failover")
    assert "node1.example.com" in refused
    assert "node2.example.com" in refused
    admin.types("ssh node2.example.com gnt-cluster master-failover")
    assert admin.types("ssh node2.example.com gnt-cluster getmaster").text == "node2.example.com\n"
    address = admin.types("getent hosts cluster.example.com").words[0]
    assert address in admin.types("ip -o -4 address show", on="node2").text
    assert address not in admin.types("ip -o -4 address show", on="node1").text
    admin.comes_to_be("curl -sk -o /dev/null -w '%{http_code}' https://cluster.example.com:5080/", "401")
    admin.types("ssh node1.example.com gnt-cluster masterfailover")
    admin.types("gnt-cluster verify")
    assert admin.types("gnt-cluster getmaster").text == "node1.example.com\n"


# One certificate for all nodes is one for each of them here: server.pem and client.pem are node.pem.
@procedure("cry-01", instead={"server.pem": "node.pem", "client.pem": "node.pem"})
def test_certificates_are_renewed(admin):
    """Renew the certificates."""
    look = (
        "openssl x509 -in /var/lib/ganeti/server.pem -noout -enddate; openssl x509 -in"
        " /var/lib/ganeti/client.pem -noout -serial"
    )
    served = "openssl s_client -connect cluster.example.com:5080 </dev/null 2>/dev/null | openssl x509 -noout -serial"
    before, api = admin.everywhere(look), admin.types(served).text
    admin.types("gnt-cluster renew-crypto -f --new-cluster-certificate --new-rapi-certificate --new-spice-certificate")
    after = admin.everywhere(look)
    assert not set(before) & set(after)
    assert len(set(after)) == 3
    assert admin.types("openssl x509 -in /var/lib/ganeti/client.pem -noout -text").text.startswith("Certificate:")
    admin.comes_to_be(f"{served} | grep -vqFx '{api.strip()}' && echo renewed", "renewed")
    admin.types("gnt-cluster verify")


# Of these one file is the same everywhere and the other one is each node's own; Ganeti calls them otherwise.
@procedure("ver-03", instead={"server.pem": "ca.pem", "client.pem": "node.pem"})
def test_certificates_of_nodes_differ(admin):
    """Certificates differ between nodes."""
    admin.types("gnt-cluster verify")
    admin.answers_yes("gnt-cluster renew-crypto --new-node-certificates")
    admin.answers_yes("gnt-cluster renew-crypto --new-cluster-certificate")
    admin.types("gnt-cluster copyfile /var/lib/ganeti/server.pem")
    assert len(set(admin.everywhere("sha256sum /var/lib/ganeti/server.pem"))) == 1
    digests = [
        text.split("=")[1].strip().lower()
        for text in admin.everywhere("openssl x509 -in /var/lib/ganeti/client.pem -noout -fingerprint -sha256")
    ]
    assert len(set(digests)) == 3
    told = admin.types("cat /var/lib/ganeti/ssconf_master_candidates_certs").text.lower().replace(":", "")
    for digest in digests:
        assert digest.replace(":", "") in told
    admin.types("gnt-cluster verify")


@procedure("upg-01", instead={"gnt-cluster upgrade --to=3.0": ":"})  # tests/real/cluster/test_upgrade.py has versions
def test_an_upgrade_that_is_not_under_way(admin):
    """Upgrade by one command, resumed after a crash."""
    admin.has_instance()
    admin.types("gnt-cluster upgrade --to=3.0")
    before = admin.types("gnt-cluster version").text
    admin.types("gnt-cluster upgrade --resume")
    assert admin.types("gnt-cluster version").text == before
    assert before.startswith("Software version: ")
    assert admin.sees("status", "web1") == ["running"]
