# SPDX-License-Identifier: BSD-2-Clause
"""What QEMU is started with, and what is refused before."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from ganeti.errors import WrongInput
from ganeti.model.disk import Disk, DiskTemplate
from ganeti.node.hypervisor.kvm.launch import check, problems
from ganeti.node.hypervisor.kvm.passwords import passwords
from ganeti.node.storage.driver import OpenDisk
from tests.unit.node.qemu import configured, plan_of, words


def devices(wanted, **more):
    found = words(wanted, **more)
    return [after for word, after in pairwise(found) if word == "-device"]


def disk(size):
    made = Disk(uuid="00000000-0000-4000-8000-0000000000d1", template=DiskTemplate.FILE, size=size, location="/disk")
    return OpenDisk(made, "/disk")


def opened(disk, **hvparams):
    """How QEMU is told to open it."""
    found = words(configured(**hvparams), disks=(disk,))
    return json.loads(next(after for word, after in pairwise(found) if word == "-blockdev"))


@pytest.mark.parametrize(("written", "more"), [("raw", {}), ("qcow2", {"backing": None})])
def test_a_disk_is_opened_in_its_format_and_nothing_that_it_may_name(written, more):
    told = opened(OpenDisk(replace(disk(64).disk, format=written), "/disk"), disk_discard="unmap")
    protocol = {"driver": "file", "filename": "/disk", "aio": "threads", "cache": {"direct": False}, "discard": "unmap"}
    name = "disk-000000000000"
    assert told == {"driver": written, "node-name": name, "file": protocol, "discard": "unmap", **more}


@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("disk_type", ["paravirtual", "scsi-hd", "ide"])
def test_a_cd_is_in_a_drive_that_firmware_boots_from_whatever_the_disks_are(machine, disk_type):
    wanted = configured(
        machine_version=machine, disk_type=disk_type, cdrom_image_path="/cd.iso", boot_order="cdrom", kernel_path=""
    )
    (drive,) = [device for device in devices(wanted) if "cd0" in device]
    assert drive.startswith("ide-cd,bus=ide.0")
    assert drive.endswith(",bootindex=1")


def test_the_bus_of_a_cd_can_be_chosen():
    wanted = configured(cdrom_image_path="/cd.iso", cdrom_disk_type="paravirtual")
    assert any(device.startswith("virtio-blk-pci") and "cd0" in device for device in devices(wanted))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"vnc_bind_address": "127.0.0.1"}, ["usb-tablet"]),
        ({"vnc_bind_address": "127.0.0.1", "usb_mouse": "mouse"}, ["usb-mouse"]),
        ({"usb_mouse": "tablet"}, ["usb-tablet"]),
    ],
)
def test_a_guest_with_vnc_has_a_tablet_unless_something_else_is_chosen(given, expected):
    found = [device.partition(",")[0] for device in devices(configured(**given))]
    assert [name for name in found if name in ("usb-tablet", "usb-mouse")] == expected


def test_an_sd_card_has_no_place_in_the_boot_order():
    wanted = configured(disk_type="sd", kernel_path="", boot_order="disk")
    assert not any("bootindex" in device for device in devices(wanted, disks=(disk(64),)))


def test_the_size_of_an_sd_card_that_qemu_would_not_take_is_named():
    with pytest.raises(WrongInput, match="a power of two; 100 MiB is none, 128 is"):
        words(configured(disk_type="sd"), disks=(disk(100),))


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    wanted = configured(cpu_type="host", machine_version="pdp11", initrd_path="/initrd", vnc_bind_address="127.0.0.1")
    with pytest.raises(WrongInput) as told:
        check(plan_of(wanted, root=tmp_path))
    for part in ("'cpu_type': 'host' needs", "'machine_version': QEMU 7.2.0", "'kernel_path': there is no"):
        assert part in str(told.value)
    assert str(told.value).count("machine_version") == 1


def test_what_no_guest_could_have_on_a_node_is_told_whatever_the_guest_is(tmp_path):
    (tmp_path / "memory").touch()
    wanted = configured(kernel_path="", mem_path="/memory", cdrom_image_path="/nosuch.iso", cpu_mask="0:9999")
    found = "; ".join(problems(plan_of(wanted, root=tmp_path)))
    for part in ("this node has no processor 9999", "there is no /nosuch.iso", "/memory is not a directory"):
        assert part in found.replace(str(tmp_path), "")


VNC = {"vnc_bind_address": "127.0.0.1", "vnc_password_file": "/password"}
SPICE = {"spice_bind": "127.0.0.1", "spice_password_file": "/password"}


@pytest.mark.parametrize(
    ("given", "content", "told"),
    [
        (VNC, b"nineteen characters", "has 19 characters, and VNC uses 8 at most"),
        (SPICE, b"x" * 61, "has 61 characters, and SPICE uses 60 at most"),
        (VNC, b"", "is empty, so that anybody could get in"),
        (VNC, b" \n", "is empty"),
        (VNC, "pässwö".encode("latin-1"), "other characters than ASCII ones"),
        (VNC, None, "cannot be read: Is a directory"),
    ],
)
def test_a_password_that_would_not_protect_the_console_is_refused(tmp_path, given, content, told):
    file = tmp_path / "password"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(WrongInput, match=told):
        list(passwords(plan_of(configured(**given), root=tmp_path)))


def test_the_line_feed_that_ends_a_password_file_is_not_of_the_password(tmp_path):
    (tmp_path / "password").write_text("12345678\n")
    assert list(passwords(plan_of(configured(**VNC), root=tmp_path))) == [("vnc", "12345678")]


def test_uefi_is_read_only_code_and_variables_of_the_guest():
    found = words(configured(firmware="uefi"), root="/node")
    code, variables = [json.loads(after) for word, after in pairwise(found) if word == "-blockdev"]
    assert (code["file"]["filename"], code["read-only"]) == ("/usr/share/OVMF/OVMF_CODE_4M.fd", True)
    own = "/node/var/lib/ganeti/machines/00000000-0000-4000-8000-000000000001/uefi.vars"
    assert (variables["file"]["filename"], variables["read-only"]) == (own, False)
    assert f"pflash0={code['node-name']},pflash1={variables['node-name']}" in found[found.index("-machine") + 1]


def test_with_secure_boot_the_firmware_alone_writes_variables():
    found = words(configured(firmware="uefi", secure_boot=True, kernel_path=""), disks=(disk(64),))
    assert found[found.index("-machine") + 1].endswith(",smm=on")
    assert "driver=cfi.pflash01,property=secure,value=on" in found
    assert any("OVMF_CODE_4M.secboot.fd" in word for word in found)


def test_a_node_without_ovmf_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda _: False)
    found = problems(plan_of(configured(firmware="uefi", kernel_path="")))
    assert found == [
        "Parameter 'firmware': there is no /usr/share/OVMF/OVMF_CODE_4M.fd on this node; install it (Debian: ovmf)"
    ]


def test_a_tpm_is_at_the_other_end_of_an_inherited_connection():
    found = words(configured(tpm=True), tpm=7)
    assert "socket,id=tpm0,fd=7" in found
    assert "tpm-crb,tpmdev=tpm0" in devices(configured(tpm=True))


def processors(vcpus=2, **hvparams):
    wanted = configured(**hvparams)
    found = words(replace(wanted, beparams=replace(wanted.beparams, vcpus=vcpus)), disks=(disk(64),))
    drive = next(word for word in found if word.startswith("virtio-blk-pci"))
    return found[found.index("-smp") + 1], re.findall(r"num-queues=\d+", drive)


def memory(**hvparams):
    found = words(configured(**hvparams))
    return found[found.index("-m") + 1], [word for word in found if "memory1" in word]


def test_a_machine_has_the_room_for_memory_that_is_wanted_and_none_by_default():
    size = configured().beparams.maxmem
    assert memory() == memory(max_memory=size) == (f"{size}M", [])
    room, (backend, device) = memory(max_memory=size + 130)
    assert (room, backend) == (
        f"{size}M,maxmem={size + 256}M",
        "memory-backend-ram,id=memory1,size=256M,reserve=off",
    )
    assert device.startswith("virtio-mem-pci,id=memory1,memdev=memory1,bus=port")
    with pytest.raises(WrongInput, match=r"'max_memory': .* huge pages \(mem_path\)"):
        memory(max_memory=size + 128, mem_path="/dev")


def test_a_machine_has_the_places_for_cpus_that_are_wanted_and_none_by_default():
    assert processors() == ("2", [])
    assert processors(max_vcpus=4) == ("2,maxcpus=4", ["num-queues=4"])
    assert processors(4, max_vcpus=4) == ("4", ["num-queues=4"])
    assert processors(6, max_vcpus=4) == ("6", ["num-queues=6"])
    assert processors(max_vcpus=4, cpu_sockets=2, cpu_cores=2) == ("2,maxcpus=4,sockets=2,cores=2", ["num-queues=4"])
    with pytest.raises(WrongInput, match=r"cpu_sockets=3 do not make up the 4 vcpus that it can have \(max_vcpus\)"):
        processors(max_vcpus=4, cpu_sockets=3)
