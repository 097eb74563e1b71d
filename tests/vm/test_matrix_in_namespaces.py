# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the matrix that need no kernel of their own: files, Gluster, Ceph, external storage."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyroute2 import netns

from ganeti.lab import network
from ganeti.lab.lab import Lab
from ganeti.lab.plan import MACHINE
from ganeti.lab.vm.steps import TINY
from tests.contract import ceph, gluster
from tests.vm.conftest import VirtualCluster
from tests.vm.matrix import *  # noqa: F403 - its columns
from tests.vm.matrix import SIZE, Storage

SHARED = "/srv/ganeti/shared-file-storage"
SAN = f"{SHARED}/san"
GLUSTER = f"/run/ganeti/gluster/{gluster.VOLUME}/ganeti"
DISK = f"0:size={SIZE}m"
NODE = ("-n", "node2")
TO_FILE = ("-t", "file")
ONE_COPY = {
    "replace_disks": "are not mirrored",
    "move": "need not be copied; 'gnt-instance migrate' or 'failover' takes it to another node",
}
ONE_NODE = dict.fromkeys(("migrate", "failover"), "are on one node only, so it cannot leave it")
NO_DISKS = "has no disks"

# As ganeti-extstorage-interface(7) describes it: a volume is a file that all nodes see, attached as a loop device.
PROVIDER = {
    "create": 'truncate -s "${VOL_SIZE}M" "$file"',
    "attach": '[ -s "$note" ] || losetup --find --show "$file" >"$note"; cat "$note"',
    "detach": '[ ! -s "$note" ] || { losetup --detach "$(cat "$note")"; rm "$note"; }',
    "remove": 'rm "$file"',
    "grow": 'truncate -s "${VOL_NEW_SIZE}M" "$file"; [ ! -s "$note" ] || losetup --set-capacity "$(cat "$note")"',
    "setinfo": "exit 0",
    "verify": "exit 0",
}

MISSING = {"gluster": gluster.MISSING, "rbd": ceph.MISSING}  # programs
ROWS = (
    Storage(
        "file",
        ("-t", "file", *NODE, "--disk", DISK, *TINY),
        other=("-t", "sharedfile"),
        back=TO_FILE,
        refuses=ONE_NODE | {"replace_disks": "are not mirrored"},
        shown="cd /srv/ganeti/file-storage; find . -type f",
        lose="find /srv/ganeti/file-storage -type f -delete",
    ),
    Storage(
        "sharedfile",
        ("-t", "sharedfile", *NODE, "--disk", DISK, *TINY),
        other=TO_FILE,
        back=("-t", "sharedfile"),
        refuses=ONE_COPY,
        shown=f"find {SHARED} -name '*.disk0'",
        lose=f"find {SHARED} -name '*.disk0' -delete",
    ),
    Storage(
        "ext",
        ("-t", "ext", *NODE, "--disk", f"{DISK},provider=san", *TINY),
        other=TO_FILE,
        back=("-t", "ext", "-e", "provider=san"),
        refuses=ONE_COPY,
        shown=f"ls {SAN}; ls /run/san-* || true",
        lose=f"rm -f {SAN}/*",
    ),
    Storage(
        "gluster",
        ("-t", "gluster", *NODE, "--disk", DISK, *TINY),
        other=TO_FILE,
        back=("-t", "gluster"),
        refuses=ONE_COPY,
        shown=f"ls {GLUSTER} || true",
        lose=f"rm -f {GLUSTER}/*",
    ),
    Storage(
        "rbd",
        ("-t", "rbd", *NODE, "--disk", DISK, "--no-install", *TINY),
        other=TO_FILE,
        refuses=ONE_COPY | {"convert": "disk parameter access=kernelspace"},
        installed=False,
        shown=f"rbd ls {ceph.POOL}",
        lose=f"for image in $(rbd ls {ceph.POOL}); do rbd remove --no-progress {ceph.POOL}/$image; done",
    ),
    Storage(
        "diskless",
        ("-t", "diskless", *NODE, "--no-install", *TINY),
        other=TO_FILE,
        refuses=ONE_COPY
        | {"grow": NO_DISKS, "recreate_disks": NO_DISKS, "convert": "nothing is converted from or to 'diskless'"},
        installed=False,
    ),
)


@pytest.fixture(scope="module")
def cluster(provider, tmp_path_factory):
    """In a network of its own, of which this process is a part: so its Ceph is reached."""
    name = f"matrix{os.getpid() % 10**4}"
    netns.create(name)
    netns.pushns(name)
    try:
        network.batch("link set lo up")
        with Lab.up(name, reachable=True, provider=provider) as lab:
            yield from furnished(lab, tmp_path_factory.mktemp("matrix"))
    finally:
        netns.popns()
        netns.remove(name)


def furnished(lab, directory):
    made = VirtualCluster(lab)
    first, *_ = lab.nodes
    templates = [row.name for row in ROWS if not MISSING.get(row.name)]
    options = []
    with ExitStack() as started:
        if "gluster" in templates:
            server = gluster.Gluster(Path("/srv/ganeti"), first.address, first.command())
            started.callback(server.stop)
            options += ["-D", f"gluster:host={first.address},volume={gluster.VOLUME}"]
        if "rbd" in templates:
            monitor = ceph.Ceph(directory / "ceph", str(lab.plan.host(MACHINE)))
            started.callback(monitor.stop)
            monitor.start()
            for node in lab.nodes:
                node.write("/etc/ceph/ceph.conf", monitor.configuration.read_text())
            options += ["-D", f"rbd:pool={ceph.POOL},access=userspace"]
        for node in lab.nodes:
            provide(node)
        started.callback(detach, lab)
        made.make(",".join(templates), *options)
        yield made


def provide(node):
    place = "/srv/ganeti/extstorage/san"
    node.run("mkdir", "-p", place, SAN)
    node.write(f"{place}/parameters.list", "")
    for name, text in PROVIDER.items():
        node.write(f"{place}/{name}", f"#!/bin/sh\nset -e\nfile={SAN}/$VOL_NAME; note=/run/san-$VOL_NAME\n{text}\n")
        node.run("chmod", "+x", f"{place}/{name}")


def detach(lab):
    """Loop devices are the machine's, and outlive nodes."""
    for node in lab.nodes:
        node.run("sh", "-c", "for note in /run/san-*; do losetup --detach $(cat $note); done")


@pytest.fixture(scope="module", params=ROWS, ids=str)
def storage(request):
    if missing := MISSING.get(request.param.name):
        pytest.skip(f"There is no {', '.join(missing)} here")
    return request.param
