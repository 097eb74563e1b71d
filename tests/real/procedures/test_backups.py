# SPDX-License-Identifier: BSD-2-Clause
"""Exports of guests, and what is made of them again."""

from tests.real.procedures.administrator import procedure

NIGHTLY = (
    "for i in `gnt-instance list --no-headers -o name,status | grep 'running$' | awk '{ print $1 }'`; do"
    " gnt-backup export --noshutdown -n node3 $i || true; done"
)


# A file system whose files can have snapshots.
XFS = "truncate -s 4G /srv/xfs && mkfs.xfs -q -m reflink=1 /srv/xfs && mount -o loop /srv/xfs /srv/ganeti/file-storage"


@procedure("bak-01", instead={"-t sharedfile": "-t file"})
def test_a_nightly_export_of_all_that_runs(admin):
    """Nightly export of every running guest without stopping it."""
    admin.types(XFS, on="node2")
    admin.afterwards("ssh node2 'umount /srv/ganeti/file-storage && rm /srv/xfs'")
    admin.has_guest()
    admin.has_guest("web2.example.com", on="node1")
    counted = admin.count_of()
    told = admin.types(NIGHTLY)
    admin.afterwards("gnt-backup remove web1.example.com")
    assert admin.count_of() > counted, told
    assert admin.types("gnt-backup list -n node3 --no-headers").words[-1] == "web1.example.com", told
    found = admin.types("ls /srv/ganeti/export/web1.example.com", on="node3").words
    assert (len(found), "config.ini" in found) == (2, True)
    assert "web2.example.com" in told.errors, "its file system has no snapshots"
    assert admin.sees("status") == ["running", "running"]
    admin.types("gnt-instance remove -f --shutdown-timeout=0 web1.example.com")


@procedure(
    "bak-02",
    instead={
        "-t plain": "-t file",
        "-t drbd -n node1:node2": "-t file -n node2",
        "node2:node1 -t drbd": "node1 -t file",
    },
)
def test_an_export_becomes_instances_of_another_kind(admin):
    """Import into other nodes and another template."""
    admin.has_guest(options="--tags blue --net 0:mac=aa:00:00:12:34:56")
    admin.types("gnt-backup export -n node3 web1.example.com")
    admin.afterwards("gnt-backup remove web1.example.com")
    refused = admin.is_refused("gnt-backup import -t plain -n node1 --no-name-check --no-ip-check web1.example.com")
    assert "web1.example.com" in refused
    admin.types("gnt-instance remove -f --shutdown-timeout=0 web1")
    for line in (
        "gnt-backup import -t plain -n node1 --no-name-check --no-ip-check web1.example.com",
        "gnt-backup import -t drbd -n node1:node2 --no-name-check --no-ip-check web1.example.com",
        "gnt-backup import -n node2:node1 -t drbd --src-node=node3 --src-dir=/srv/ganeti/export/web1.example.com web1",
    ):
        admin.types(line)
        seen = admin.sees("be/memory,be/vcpus,nic.macs,disk_template,tags", "web1")
        assert seen == ["128", "1", "aa:00:00:12:34:56", "file", "blue"]
        admin.types("gnt-instance start web1")
        assert admin.boot_of() > 1
        admin.types("gnt-instance remove -f --shutdown-timeout=0 web1")
