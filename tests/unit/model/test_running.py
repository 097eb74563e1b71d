# SPDX-License-Identifier: BSD-2-Clause
"""What a guest runs with against what is configured for it."""

import pytest
from msgspec.structs import replace

from ganeti.declare.parameter import parameters_of
from ganeti.model.disk import Disk, DiskTemplate, Mirror
from ganeti.model.guest import GuestNic
from ganeti.model.parameters import filled
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.model.running import as_it_runs, differences
from tests.unit.node.qemu import configured, guest, words

KVM = parameters_of(KvmParameters)
# For parameters from whose type nothing can be guessed.
OTHERS = {
    "cpu_mask": "0",
    "cpu_type": "host",
    "kernel_args": "ro quiet",
    "kvm_extra": "-smbios type=1",
    "kvm_path": "/usr/bin/other",
    "machine_version": "pc",
    "migration_caps": "xbzrle",
    "root_path": "/dev/vdb",
    "security_domain": "nobody",
    "soundhw": "hda",
    "spice_bind": "127.0.0.1",
    "spice_tls_ciphers": "HIGH",
    "usb_devices": "braille",
    "vnc_bind_address": "127.0.0.1",
}


def other(parameter):
    """A value that a parameter does not have by default."""
    if parameter.name in OTHERS:
        return OTHERS[parameter.name]
    if parameter.choices:
        return next(choice for choice in parameter.choices if choice != parameter.default)
    if isinstance(parameter.default, bool):
        return not parameter.default
    return parameter.default + 1 if isinstance(parameter.default, int) else "/some/file"


@pytest.mark.parametrize("name", KVM)
def test_every_parameter_says_whether_it_takes_effect_at_once_or_at_the_next_start(name):
    value, started = other(KVM[name]), guest()
    now = configured(**{name: value})
    assert filled(KvmParameters, now.hvparams) != KvmParameters()
    runs = as_it_runs(now, started).hvparams
    if KVM[name].at_once:
        assert runs == now.hvparams
        assert differences(now, started) == ()
    else:
        assert runs == started.hvparams
        assert [(d.name, d.running, d.configured) for d in differences(now, started)] == [
            (name, str(KVM[name].default), str(value))
        ]


@pytest.mark.parametrize("name", [name for name in KVM if name != "kvm_path"])
def test_the_machine_that_receives_a_guest_is_the_one_that_sends_it(name):
    started = configured(vnc_bind_address="127.0.0.1", kvm_extra="-smbios type=2")
    now = replace(
        started,
        hvparams=started.hvparams | {name: other(KVM[name])},
        beparams=BackendParameters(maxmem=512, minmem=512, vcpus=4),
    )
    received = words(as_it_runs(now, started), incoming=True)
    waits = received.index("-incoming")
    assert received[waits : waits + 2] == ["-incoming", "defer"]
    assert [*received[:waits], *received[waits + 2 :]] == [word for word in words(started) if word != "-S"]


def test_memory_processors_disks_and_cards_stay_as_they_were_started():
    disk = Disk(uuid="d", template=DiskTemplate.SHARED_FILE, size=64, location="/disk")
    nic = GuestNic(uuid="n", mac="aa:00:00:00:00:01", mode="bridged", link="br0")
    started = guest(beparams=BackendParameters(maxmem=256), disks=(disk,), nics=(nic,))
    now = guest(
        beparams=BackendParameters(maxmem=512, vcpus=2, auto_balance=False),
        disks=(),
        nics=(replace(nic, link="br1"),),
        os="debian",
    )
    runs = as_it_runs(now, started)
    assert (runs.beparams, runs.disks, runs.nics) == (
        BackendParameters(maxmem=256, auto_balance=False),
        started.disks,
        started.nics,
    )
    assert runs.os == "debian"
    assert [d.name for d in differences(now, started)] == ["maxmem", "vcpus", "nic/0", "disk/0"]


def test_where_the_copies_of_its_disks_are_and_how_large_they_are_changes_while_it_runs():
    mirror = Mirror(port=11000, minors=(0, 0), secret="s", metadata="xenvg/d_meta")
    disk = Disk(uuid="d", template=DiskTemplate.DRBD, size=64, location="xenvg/d", nodes=("a", "b"), mirror=mirror)
    moved = replace(disk, size=72, nodes=("a", "c"), mirror=replace(mirror, minors=(0, 5)), mode="ro")
    runs = as_it_runs(guest(disks=(moved,)), guest(disks=(disk,)))
    assert runs.disks == (replace(moved, mode="rw"),)


def test_a_parameter_that_the_guest_was_started_without_has_its_default():
    """For a machine that was started by older software it must not mean anything; nor for the one it is sent to."""
    started = guest(hvparams={"acpi": True, "of_an_older_version": "x"})
    assert as_it_runs(configured(max_vcpus=4), started).hvparams == configured().hvparams
