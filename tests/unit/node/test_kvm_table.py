# SPDX-License-Identifier: BSD-2-Clause
"""The table of parameters in docs/user/kvm.md is complete, and QEMU gets what it says."""

import re
from pathlib import Path

import pytest

from ganeti.declare.text import parse_keyval
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.model.guest import GuestNic
from ganeti.model.parameters import as_mapping, overrides
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.network.driver import Tap
from ganeti.node.storage.driver import OpenDisk
from tests.unit.node.qemu import guest, words

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `(\w+)` \| `(.+?)` \| (.+?) \| `(\S+)` \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs/user/kvm.md").read_text().partition("## What QEMU gets for each parameter")[2])
DISK = Disk(uuid="00000000-0000-4000-8000-0000000000d1", template=DiskTemplate.FILE, size=64, location="/disk")
CARD = GuestNic(uuid="00000000-0000-4000-8000-0000000000c1", mac="aa:00:00:00:00:01", mode="bridged", link="br0")


def started(given):
    """The words that start a guest of two CPUs with a disk and a network card."""
    hvparams = as_mapping(KvmParameters(serial_console=False, spice_use_vdagent=False, vhost_net=False)) | given
    wanted = guest(hvparams=hvparams, beparams=BackendParameters(vcpus=2))
    queues = hvparams["virtio_net_queues"]
    return words(wanted, disks=(OpenDisk(DISK, "/disk"),), taps=(Tap(CARD, "gnt-1", (5, 6)[:queues]),))


def quoted(gets):
    """The words that the table quotes, each after "no " if QEMU does not get it. What is done otherwise has a colon."""
    told = "" if ": " in gets else gets.partition(" instead of ")[0]
    return [(absent, words) for absent, words in re.findall(r"(no )?`([^`]+)`", told) if words != "/dev/vhost-net"]


def test_each_parameter_has_its_row():
    assert [name for name, *_ in ROWS] == list(KvmParameters.__struct_fields__)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_qemu_gets_what_the_table_says(row):
    name, example, gets, test = row
    given = overrides(KvmParameters, parse_keyval(example, "-H"), {}, "-H")
    assert name in given
    line = " ".join(started(given))
    assert all((part in line) is not bool(absent) for absent, part in quoted(gets))
    assert name in (ROOT / "tests" / test).read_text()
