# SPDX-License-Identifier: BSD-2-Clause
"""Which QEMUs can be given a disk while they run."""

import pytest

from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.drives import why_not_opened


@pytest.mark.parametrize(
    ("rights", "why"),
    [
        ({}, ""),
        ({"use_chroot": True}, "its QEMU is in a chroot, where no disks are (use_chroot)"),
        (
            {"security_model": "user", "security_domain": "nobody"},
            "its QEMU runs as user nobody, who may open no disks (security_model)",
        ),
        (
            {"security_model": "pool"},
            "its QEMU runs as a user of the cluster's pool, who may open no disks (security_model)",
        ),
    ],
)
def test_one_that_has_given_up_its_rights_can_open_none(rights, why):
    assert why_not_opened(KvmParameters(**rights)) == why
