# SPDX-License-Identifier: BSD-2-Clause
"""Which instances a policy allows."""

import pytest

from ganeti.model.parameters.policy import Bounds, Policy, Spec

SMALL = Spec(cpu_count=1, disk_count=1, memory_size=128, nic_count=1, spindle_use=1)
NO_DISKS = Spec(cpu_count=1, disk_count=0, memory_size=128, nic_count=1, spindle_use=1)


def test_an_instance_within_the_bounds_is_allowed():
    assert Policy().violations(SMALL, (1024,), "file") == []


@pytest.mark.parametrize(
    ("spec", "sizes", "template", "told"),
    [
        (Spec(memory_size=64), (1024,), "file", "memory-size is 64 MiB; the policy allows 128 to 32768 MiB"),
        (Spec(cpu_count=9), (1024,), "file", "cpu-count is 9; the policy allows 1 to 8"),
        (Spec(), (1024, 4), "file", "disk-size of disk 1 is 4 MiB; the policy allows 1024 to 1048576 MiB"),
        (NO_DISKS, (), "file", "disk-count is 0; the policy allows 1 to 16"),
        (Spec(nic_count=0), (1024,), "file", "nic-count is 0; the policy allows 1 to 8"),
    ],
)
def test_what_is_beyond_the_bounds_is_named_with_them(spec, sizes, template, told):
    assert Policy().violations(spec, sizes, template) == [told]


def test_an_instance_that_can_have_no_disks_need_not_have_one():
    assert Policy().violations(NO_DISKS, (), "diskless") == []


def test_a_disk_template_may_be_forbidden():
    (told,) = Policy(disk_templates=("plain",)).violations(SMALL, (1024,), "file")
    assert told == "disk template 'file' is not allowed; the policy allows plain"


def test_it_is_enough_to_fit_one_pair_and_the_nearest_is_told():
    large = Bounds(min=Spec(memory_size=4096, cpu_count=4), max=Spec(memory_size=8192, cpu_count=8, disk_size=4096))
    policy = Policy(minmax=(large, Bounds()))
    assert policy.violations(SMALL, (1024,), "file") == []
    assert policy.violations(Spec(memory_size=4000, cpu_count=9), (2048,), "file") == [
        "cpu-count is 9; the policy allows 1 to 8"
    ]
