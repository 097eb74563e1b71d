# SPDX-License-Identifier: BSD-2-Clause
"""Where other programs find the process, the sockets and the taps of guests."""

import pytest

from ganeti.model.guest import GuestNic
from ganeti.node.hypervisor.kvm.run_files import RunFiles


def card(number):
    return GuestNic(uuid=f"{number}" * 8, mac="aa:00:00:00:00:01", mode="bridged", link="br0")


@pytest.fixture
def files(tmp_path):
    directory = tmp_path / "kvm/web1.example.com"
    directory.mkdir(parents=True)
    (directory / "pid").write_text("42\n")
    return RunFiles(directory)


def shown(files):
    """By their place below the directory."""
    base = files.directory.parents[1] / "kvm-hypervisor"
    return {str(path.relative_to(base)): path for path in base.rglob("*") if not path.is_dir()}


def test_they_lead_to_what_is_in_the_guests_directory_and_name_its_taps(files):
    files.show((card(1), card(2)))
    places = shown(files)
    assert sorted(places) == [
        "ctrl/web1.example.com.monitor",
        "ctrl/web1.example.com.serial",
        "nic/web1.example.com/0",
        "nic/web1.example.com/1",
        "pid/web1.example.com",
    ]
    assert places["pid/web1.example.com"].read_text() == "42\n"
    assert places["ctrl/web1.example.com.monitor"].readlink() == files.directory / "monitor"
    assert places["nic/web1.example.com/1"].read_text() == "gnt-22222222"


def test_they_follow_the_guest_and_go_with_it(files):
    files.show((card(1), card(2)))
    files.show((card(2),))
    assert shown(files)["nic/web1.example.com/0"].read_text() == "gnt-22222222"
    assert len(shown(files)) == 4
    files.remove()
    files.remove()
    assert shown(files) == {}
