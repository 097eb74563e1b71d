# SPDX-License-Identifier: BSD-2-Clause
"""What the parameters of guests, network cards and policies may be, and what of them goes together."""

import pytest

from ganeti.errors import WrongInput
from ganeti.model.parameters import checked, overrides
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS, KvmParameters
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.policy import Bounds, Policy, Spec


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("vga", "bogus", "'bogus' is not allowed; choose from std, cirrus, vmware, qxl, virtio, none"),
        ("cdrom_disk_type", "sata", "choose from paravirtual, ide, scsi"),
        ("disk_type", "pflash", "'pflash' is not supported yet"),
        ("disk_cache", "fast", "choose from default, none, writethrough, writeback"),
        ("nic_type", "modem", "choose from paravirtual, e1000"),
        ("boot_order", "tape", "choose from disk, cdrom, network, floppy"),
        ("keymap", "klingon", "choose from ar, bepo"),
        ("usb_mouse", "trackball", "choose from mouse, tablet"),
        ("migration_mode", "slow", "choose from live, non-live"),
        ("serial_speed", "300", "serial_speed"),
        ("spice_streaming_video", "some", "choose from off, all, filter"),
        ("soundhw", "ac97,flute", "expected 'all', or some of ac97"),
        ("machine_version", "q35 -nodefaults", "expected a machine type"),
        ("cpu_type", "host feature", "expected a CPU model"),
        ("cpu_mask", "all the rest", "expected 'all', or numbers"),
        ("migration_caps", "x colo", "expected names of migration capabilities"),
        ("security_domain", "Nobody At All", "expected the name of a user"),
        ("disk_iothreads", "17", "expected a whole number of at most 16"),
        ("virtio_net_queues", "9", "expected a whole number of at most 8"),
        ("kernel_path", "vmlinuz", "expected an absolute path"),
        ("cdrom_image_path", "http://example.com/cd.iso", "expected an absolute path"),
        ("kvm_path", "", "expected the absolute path of a program"),
        ("kvm_path", "/usr/bin/kvm\n", "expected the absolute path of a program"),
        ("vnc_password_file", "secret", "expected an absolute path"),
    ],
)
def test_a_value_that_no_guest_could_start_with_is_refused_when_it_is_set(name, value, told):
    with pytest.raises(WrongInput) as caught:
        overrides(KvmParameters, {name: value}, {}, "Parameter 'hvparams' of kvm")
    assert f"'{name}'" in caught.value.message
    assert told in caught.value.message


SECURE = {"firmware": "uefi", "secure_boot": True, "kernel_path": ""}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"disk_aio": "native"}, "disk_aio 'native' needs disk_cache to be 'none', not 'default'"),
        ({"boot_order": "cdrom", "kernel_path": ""}, "boot_order 'cdrom' needs an image"),
        ({"boot_order": "floppy", "kernel_path": ""}, "boot_order 'floppy' needs an image"),
        ({"virtio_net_queues": 2, "nic_type": "e1000"}, "takes nic_type 'paravirtual'"),
        ({"disk_iothreads": 1, "disk_type": "ide"}, "disk_iothreads needs disk_type 'paravirtual'"),
        ({"disk_iothreads": 1, "disk_type": "scsi-hd"}, "scsi_controller_type 'virtio-scsi-pci': they are 'scsi-hd'"),
        (
            {"disk_iothreads": 2, "disk_type": "scsi-hd", "scsi_controller_type": "virtio-scsi-pci"},
            "more than one of disk_iothreads takes disk_type 'paravirtual', not 'scsi-hd'",
        ),
        ({"vnc_bind_address": "0.0.0.0", "spice_bind": "lo"}, "one graphical console"),
        ({"vnc_bind_address": "300.1.1.1"}, "is not an IP address, network interface or absolute path"),
        ({"vnc_x509_path": "/etc/tls"}, "of use only with vnc_tls"),
        ({"vnc_x509_verify": True, "vnc_tls": True}, "needs vnc_tls and vnc_x509_path"),
        ({"security_domain": "nobody"}, "only if, security_model is 'user'"),
        ({"security_model": "user"}, "only if, security_model is 'user'"),
        ({"secure_boot": True, "kernel_path": ""}, "secure_boot needs firmware to be 'uefi'"),
        ({"secure_boot": True, "firmware": "uefi"}, "secure_boot checks what a guest boots by itself"),
        (SECURE | {"machine_version": "pc"}, "secure_boot needs a q35 machine, not machine_version 'pc'"),
        (SECURE | {"machine_version": "pc-i440fx-7.2"}, "secure_boot needs a q35 machine"),
        (SECURE | {"boot_order": "floppy", "floppy_image_path": "/f"}, "UEFI does not boot from floppy disks"),
    ],
)
def test_what_does_not_go_together_is_refused(given, told):
    with pytest.raises(WrongInput, match=told):
        checked(KvmParameters, given, what="it")


@pytest.mark.parametrize(
    "given",
    [
        {"disk_aio": "native", "disk_cache": "none"},
        {"boot_order": "cdrom", "cdrom_image_path": "/srv/cd.iso"},
        {"boot_order": "cdrom", "kernel_path": "/boot/vmlinuz"},
        {"vnc_bind_address": "::1", "vnc_tls": True, "vnc_x509_path": "/etc/tls", "vnc_x509_verify": True},
        {"vnc_bind_address": "/run/vnc", "keymap": "de-ch", "vga": "std"},
        {"cpu_mask": "0-3,8:all", "cpu_type": "Skylake-Server,+ssse3,-avx", "soundhw": "ac97,hda"},
        {"migration_caps": "auto-converge:xbzrle", "machine_version": "pc-i440fx-7.2"},
    ],
)
def test_what_goes_together_is_taken(given):
    assert checked(KvmParameters, given, what="it")


@pytest.mark.parametrize("table", [*HYPERVISOR_PARAMETERS.values(), BackendParameters, NicParameters])
def test_the_defaults_go_together(table):
    assert checked(table, what="it") == table()


def test_memory_is_not_nothing_and_not_less_than_its_minimum():
    with pytest.raises(WrongInput, match="at least 1"):
        overrides(BackendParameters, {"maxmem": "0"}, {}, "it")
    with pytest.raises(WrongInput, match="minmem, 256 MiB, is more than maxmem, 128 MiB"):
        checked(BackendParameters, {"minmem": 256}, what="it")


def test_a_policy_contradicts_itself_with_bounds_the_wrong_way_round_or_a_standard_that_none_of_them_allows():
    small, large = (
        Bounds(min=Spec(memory_size=low), max=Spec(memory_size=high)) for low, high in ((1, 64), (256, 512))
    )
    assert Policy(minmax=(small, large), std=Spec(memory_size=256)).problems() == []
    assert Policy(minmax=(small, large), std=Spec(memory_size=128)).problems() == [
        "the standard instance's memory-size, 128, is outside of the bounds, 1 to 64"
    ]
    wrong = Bounds(min=Spec(cpu_count=4), max=Spec(cpu_count=2))
    assert Policy(minmax=(small, wrong)).problems() == ["the lowest cpu-count, 4, is above the highest, 2"]


def test_a_policy_by_which_nothing_fits_contradicts_itself():
    assert Policy(vcpu_ratio=0).problems() == ["vcpu-ratio is 0, with which no instance fits anywhere"]
    assert Policy(spindle_ratio=0).problems() == ["spindle-ratio is 0, with which no instance fits anywhere"]
    assert Policy(minmax=()).problems() == ["minmax needs at least one pair of bounds"]
