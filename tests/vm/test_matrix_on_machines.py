# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the matrix that need a kernel of their own: LVM and DRBD."""

import pytest

from ganeti.lab.vm.lab import VirtualLab
from ganeti.lab.vm.steps import TINY
from tests.vm.conftest import PART, VirtualCluster
from tests.vm.matrix import *  # noqa: F403 - its columns
from tests.vm.matrix import SIZE, Storage

DISK = ("--disk", f"0:size={SIZE}m", *TINY)
SHOWN = "lvs --noheadings -o lv_name xenvg; drbdsetup events2 --now | grep 'resource name' || true"
LOSE = "lvs --noheadings -o lv_path xenvg | xargs lvremove -q -q --yes"
ROWS = (
    Storage(
        "plain",
        ("-t", "plain", "-n", "node1", *DISK),
        other=("-t", "drbd", "-n", "node1"),
        back=("-t", "plain"),
        refuses={
            "migrate": "are on one node only, so it cannot leave it",
            "failover": "are on one node only, so it cannot leave it",
            "replace_disks": "are not mirrored",
        },
        shown=SHOWN,
        lose=LOSE,
    ),
    Storage(
        "drbd",
        ("-t", "drbd", "-n", "node1:node2", *DISK),
        other=("-t", "plain"),
        back=("-t", "drbd", "-n", "node2"),
        refuses={"move": "need not be copied; 'gnt-instance migrate' or 'failover' takes it to another node"},
        shown=SHOWN,
        lose=LOSE,
        part=PART,
    ),
)


@pytest.fixture(scope="module")
def cluster(provider):
    with VirtualLab.up("matrix", nodes=2, provider=provider) as lab:
        made = VirtualCluster(lab)
        made.make("plain,drbd", "--vg-name=xenvg")
        yield made


@pytest.fixture(scope="module", params=ROWS, ids=str)
def storage(request):
    return request.param
