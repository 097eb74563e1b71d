# SPDX-License-Identifier: BSD-2-Clause
"""What gnt-instance info says of a disk."""

import pytest

from ganeti.cli import tree
from ganeti.cli.instance import _disk


@pytest.mark.parametrize(
    ("template", "parts", "told"),
    [
        ("plain", ["xenvg", "uuid.disk0"], "xenvg/uuid.disk0"),
        ("rbd", ["rbd", "uuid.rbd.disk0"], "('rbd', 'uuid.rbd.disk0')"),
        ("drbd", ["node1", "node2", 11000, 0, 1], "('node1', 'node2', 11000, 0, 1)"),
    ],
)
def test_where_a_disk_is_stands_in_one_line_for_scripts(template, parts, told):
    disk = {"iv_name": "disk/0", "dev_type": template, "size": 1, "mode": "rw", "name": None, "uuid": "u"}
    disk |= {"format": "raw", "allocated": None}
    shown = tree.render([_disk({**disk, "logical_id": parts, "pstatus": None})])
    assert f"  logical_id: {told}" in shown


def test_its_format_is_told_and_what_it_takes_of_its_storage_if_that_is_known():
    disk = {"iv_name": "disk/0", "dev_type": "sharedfile", "size": 1, "mode": "rw", "name": None, "uuid": "u"}
    disk |= {"format": "qcow2", "logical_id": ["loop", "/srv/disk0"], "pstatus": None}
    assert tree.render([_disk({**disk, "allocated": 612})])[2:4] == ["  format: qcow2", "  allocated: 612M"]
    assert not any("allocated" in line for line in tree.render([_disk({**disk, "allocated": None})]))


def test_a_thin_pool_and_spindles_are_shown_where_a_disk_has_them():
    disk = {"iv_name": "disk/0", "dev_type": "plain", "size": 1, "mode": "rw", "name": None, "uuid": "u"}
    common = {**disk, "logical_id": ["xenvg", "uuid.disk0"], "pstatus": None, "format": "raw", "allocated": None}
    shown = tree.render([_disk({**common, "thinpool": "thin", "spindles": 2})])
    assert {"  thin pool: thin", "  spindles: 2"} <= set(shown)
    without = tree.render([_disk({**common, "thinpool": None, "spindles": None})])
    assert not [line for line in without if "thin" in line or "spindles" in line]


def test_what_is_wrong_with_a_copy_stands_beside_its_device_on_either_node():
    disk = {"iv_name": "disk/0", "dev_type": "drbd", "size": 1, "mode": "rw", "name": None, "uuid": "u"}
    disk |= {"format": "raw", "allocated": None, "logical_id": ["node1", "node2", 11000, 0, 1]}
    wrong = "Connected, UpToDate here, Diskless on the other node"
    shown = tree.render([_disk({**disk, "pstatus": ["/dev/drbd0", wrong], "sstatus": ["/dev/drbd1", ""]})])
    assert {f"  on primary: /dev/drbd0 ({wrong})", "  on secondary: /dev/drbd1"} <= set(shown)
