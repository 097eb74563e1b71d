# SPDX-License-Identifier: BSD-2-Clause
"""Where the devices of a guest's machine are, from start to start."""

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.command import command_line
from ganeti.node.hypervisor.kvm.devices import disk_name
from ganeti.node.storage.driver import OpenDisk
from tests.unit.node.qemu import configured, plan_of


def disk(number):
    made = Disk(uuid=f"{number:08}-0000", template=DiskTemplate.FILE, size=64, location=f"/disk{number}")
    return OpenDisk(made, made.location)


def name(number):
    return disk_name(disk(number).disk)


def started(wanted, *numbers, layout=None):
    return command_line(plan_of(replace(wanted, layout=layout), disks=tuple(map(disk, numbers))))


def ports(line):
    return sum(word.startswith("pcie-root-port") for word in line.words)


def test_a_machine_that_is_started_again_is_the_same_whatever_was_plugged_in_meanwhile():
    wanted = configured()
    first = started(wanted, 0, 1)
    assert (first.layout.slots, first.layout.spare, ports(first)) == (15, 12, 15)
    running = Board(plan_of(replace(wanted, layout=first.layout)), running=True)
    assert running.express(name(2)) == {"bus": "port3", "addr": "0x0"}
    again = started(wanted, 2, 0, 1, layout=running.layout)
    assert again.layout == running.layout
    assert ports(again) == ports(first)
    assert started(wanted, 2, 0, 1, layout=again.layout).words == again.words


def test_what_is_added_to_a_stopped_guest_moves_nothing_and_what_was_removed_leaves_its_place():
    wanted = configured()
    layout = started(wanted, 0, 1, 2).layout
    changed = started(wanted, 3, 0, 2, layout=layout).layout
    kept = {device: changed.places[device] for device in layout.places if device != name(1)}
    assert kept == {device: place for device, place in layout.places.items() if device != name(1)}
    assert (changed.places[name(3)], name(1) in changed.places) == (layout.places[name(1)], False)


def test_more_slots_are_there_from_the_next_start_on_if_they_are_wanted():
    layout = started(configured(), 0).layout
    assert ports(started(configured(kvm_pci_reservations=20), 0, layout=layout)) == layout.slots + 8
    assert ports(started(configured(kvm_pci_reservations=0), 0, layout=layout)) == layout.slots - 12


def test_a_machine_that_runs_gets_no_more_slots_than_it_has():
    wanted = configured(kvm_pci_reservations=1)
    layout = started(wanted, 0).layout
    board = Board(plan_of(replace(wanted, layout=layout)), running=True)
    board.express(name(1))
    with pytest.raises(WrongInput, match="'kvm_pci_reservations': the machine has 3 slots, and all are in use"):
        board.express(name(2))


def test_the_places_of_one_kind_of_machine_mean_nothing_to_another():
    layout = started(configured(), 0, 1).layout
    other = configured(machine_version="pc")
    assert started(other, 0, 1, layout=layout).words == started(other, 0, 1).words
    assert started(other, 0, 1).layout.board == "pc"
