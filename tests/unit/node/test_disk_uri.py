# SPDX-License-Identifier: BSD-2-Clause
"""Disks that QEMU gets at by an address, without a device of the node."""

import json
from itertools import pairwise

import pytest

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.kvm.uri import of_uri
from ganeti.node.storage.driver import OpenDisk
from tests.unit.node.qemu import configured, words

UNIX = {"type": "unix", "path": "/run/a:b"}


def inet(host, port):
    return {"type": "inet", "host": host, "port": port}


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        ("rbd:web1", {"driver": "rbd", "pool": "rbd", "image": "web1"}),
        ("rbd:fast/web1", {"driver": "rbd", "pool": "fast", "image": "web1"}),
        (
            r"rbd:fast/rack1/web\:1:id=kvm:conf=/etc/ceph/b\:1.conf",
            {
                "driver": "rbd",
                "pool": "fast",
                "namespace": "rack1",
                "image": "web:1",
                "user": "kvm",
                "conf": "/etc/ceph/b:1.conf",
            },
        ),
        ("nbd:san1:10809", {"driver": "nbd", "server": inet("san1", "10809")}),
        (
            "nbd:[2001:db8::1]:10809:exportname=web1",
            {"driver": "nbd", "server": inet("2001:db8::1", "10809"), "export": "web1"},
        ),
        ("nbd:unix:/run/a:b:exportname=x", {"driver": "nbd", "server": UNIX, "export": "x"}),
        ("nbd://san1/web1", {"driver": "nbd", "server": inet("san1", "10809"), "export": "web1"}),
        ("nbd+unix:///x?socket=/run/a:b", {"driver": "nbd", "server": UNIX, "export": "x"}),
        (
            "gluster://san1/gv0/web1/disk0",
            {"driver": "gluster", "volume": "gv0", "path": "web1/disk0", "server": [inet("san1", "24007")]},
        ),
        (
            "iscsi://me%25secret@san1:3260/iqn.2001-04.com.example:disk/3",
            {
                "driver": "iscsi",
                "transport": "tcp",
                "portal": "san1:3260",
                "target": "iqn.2001-04.com.example:disk",
                "lun": 3,
                "user": "me",
                "password": "secret",
            },
        ),
        ("file:/srv/disk", {"driver": "file", "filename": "/srv/disk"}),
        ('json:{"driver": "null-co", "size": 1}', {"driver": "null-co", "size": 1}),
    ],
)
def test_an_address_is_read(uri, options):
    assert of_uri(uri) == options


@pytest.mark.parametrize(
    "uri",
    [
        *("", "/dev/sda", "rbd:", "rbd:a/", "rbd:a/b/c/d", "rbd:a/b:key=secret", "nbd:", "nbd:san1", "nbd:san1:port"),
        *(
            "nbd+unix:///x",
            "gluster://san1/gv0",
            "gluster:///gv0/x",
            "iscsi://san1/iqn",
            "json:[]",
            "json:{",
            "ftp://a",
        ),
    ],
)
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(WrongInput, match="of a disk cannot be read; known are file:, json:, rbd:"):
        of_uri(uri)


def test_qemu_is_told_the_options_of_an_address_and_whether_the_node_caches():
    disk = Disk(uuid="00000000-0000-4000-8000-0000000000d1", template=DiskTemplate.EXT, size=1, location="san/x")
    wanted = configured(disk_cache="none")
    found = words(wanted, disks=(OpenDisk(disk, "", block=True, uri="rbd:fast/web1"),))
    (told,) = [json.loads(after) for word, after in pairwise(found) if word == "-blockdev" and "rbd" in after]
    assert told["driver"] == "raw"
    assert told["file"] == {"driver": "rbd", "pool": "fast", "image": "web1", "cache": {"direct": True}}
