# SPDX-License-Identifier: BSD-2-Clause
"""Procedures that are not replayed here, by what they need."""

import pytest

from tests.real.procedures.administrator import procedure

LEFT_OUT = {
    "needs logical volumes, as only machines with a kernel of their own have them (tests/vm)": {
        "node-11": "Storage units of a node: list, mark a disk, repair a volume group",
        "add-06": "Put the disk into another volume group",
        "disk-06": "Adopt an existing logical volume",
        "disk-11": "Which running guests have a closed volume",
        "bak-04": "Snapshot of a guest's volume behind the cluster's back",
        "ext-02": "LVM tools replaced by wrappers over ZFS",
    },
    "needs DRBD (tests/vm)": {
        "mig-03": "Move the secondaries to one chosen node",
        "mig-04": "Evacuation by instance when the bulk command fails",
        "disk-02": "After a node crash: find and reactivate mirrors",
        "disk-12": "Extra volume group for metadata, whole-cluster and group level",
    },
    "needs a Ceph cluster with a kernel that maps its images": {
        "add-09": "Ceph guest with fixed memory",
        "disk-09": "Ceph pool and userspace access",
    },
    "needs a program of others that Debian does not have": {
        "mon-03": "Exporter against the API",
    },
    "is not so here: config.data is a mirror that nobody reads": {
        "mas-04": "Edit the configuration by hand",
    },
}


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(reason, marks=procedure(name), id=name)
        for reason, procedures in LEFT_OUT.items()
        for name in procedures
    ],
)
def test_this_is_not_replayed(reason):
    pytest.skip(f"not replayed here: {reason}")
