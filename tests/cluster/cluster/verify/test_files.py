# SPDX-License-Identifier: BSD-2-Clause
"""Files on nodes: certificates, keys, hooks, directories for disks, ssconf."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ganeti.host.files import write_atomic
from tests.cluster.cluster.verify.findings import found
from tests.cluster.paper import SETTLED


def certificate(days):
    """One that ends in so many days."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node2")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=400))
    ends = now + datetime.timedelta(days=days, hours=1)
    return builder.not_valid_after(ends).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("days", "finding"),
    [
        (-1, "ECLUSTERCLIENTCERT::certificate node.pem on node node2 has expired"),
        (3, "ECLUSTERCLIENTCERT::certificate node.pem on node node2 expires in 3 day(s)"),
        (20, "WARNING:ECLUSTERCLIENTCERT::certificate node.pem on node node2 expires in 20 day(s)"),
    ],
)
async def test_a_certificate_that_ends_soon_is_found(cluster, days, finding):
    write_atomic(cluster.nodes["node2"].paths.node_certificate, certificate(days))
    assert await found(cluster) == [finding]


async def test_a_certificate_that_is_valid_for_long_is_fine(cluster):
    write_atomic(cluster.nodes["node2"].paths.node_certificate, certificate(365))
    assert await found(cluster) == []


async def test_what_is_no_certificate_is_found(cluster):
    write_atomic(cluster.nodes["node3"].paths.ca_certificate, "nothing of the kind")
    (finding,) = await found(cluster)
    assert finding.startswith("ECLUSTERCERT::certificate ca.pem on node node3 cannot be read")


@pytest.mark.parametrize("secret", ["ca.key", "node.key", "rapi.pem", "rapi/users", "cluster.db", "cluster.db-wal"])
async def test_a_secret_that_everybody_can_read_is_found(cluster, secret):
    paths = cluster.nodes["node2"].paths
    path = paths.state / secret
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(certificate(365) if secret == "rapi.pem" else b"")
    path.chmod(0o604)
    assert await found(cluster) == [
        f"ENODEFILECHECK:node2:{path} can be used by every user (mode 604); it should have mode 600"
    ]
    path.chmod(0o600)
    assert await found(cluster) == []


async def test_facts_that_somebody_has_changed_are_found(cluster):
    await cluster.master.facts.settled(SETTLED)
    path = cluster.nodes["node2"].paths.ssconf("cluster_name")
    path.chmod(0o600)
    path.write_text("another\n")
    assert await found(cluster) == ["ENODEFILECHECK:node2:its ssconf files or hmac.key differ from the master's"]


async def test_hook_directories_are_examined(cluster):
    hooks = cluster.nodes["node2"].paths.hooks
    good, typo = hooks / "instance-add-pre.d", hooks / "instance-add.d"
    for directory in (good, typo):
        directory.mkdir(parents=True)
    (good / "10notify").write_text("#!/bin/sh\n")
    (good / "10notify").chmod(0o757)
    (hooks / "cluster-verify-post.d").write_text("")
    assert await found(cluster) == [
        f"ENODEHOOKS:node2:{hooks}/cluster-verify-post.d is not a directory",
        (
            f"ENODEHOOKS:node2:{typo} is never used: directories of hooks are named 'OPERATION-pre.d' or "
            "'OPERATION-post.d'"
        ),
        f"ENODEHOOKS:node2:{good}/10notify can be changed by every user, and what is in it is run as root",
    ]


async def test_hook_directories_as_they_must_be_are_fine(cluster):
    directory = cluster.nodes["node2"].paths.hooks / "instance-add-pre.d"
    directory.mkdir(parents=True)
    (directory / "10notify").write_text("#!/bin/sh\n")
    assert await found(cluster) == []


async def test_lines_of_the_users_file_that_do_not_count_are_found_on_each_candidate(cluster):
    path = cluster.nodes["node2"].paths.rapi_users
    write_atomic(path, b"jack secret write\nmary\njim secret everything\n\xff secret\n")
    assert await found(cluster) == [
        f"ENODEFILECHECK:node2:{path}: Line 2 is not 'name password [permissions]'",
        f"ENODEFILECHECK:node2:{path}: Line 3 grants an unknown permission; choose from read, operate, admin, write",
        f"ENODEFILECHECK:node2:{path}: Line 4 is not UTF-8 text",
    ]
    write_atomic(path, b"jack secret write\n")
    assert await found(cluster) == []
