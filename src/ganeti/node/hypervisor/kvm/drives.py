# SPDX-License-Identifier: BSD-2-Clause
"""Disks, CD drives and the floppy drive of a guest, as QEMU's options."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from ganeti.model.disk import Disk
from ganeti.node.hypervisor.kvm.board import Board
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused
from ganeti.node.hypervisor.kvm.uri import of_uri
from ganeti.node.storage.address import size_of_address
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.qcow2.header import look

_MIB = 1024**2
_PASSED_THROUGH = {"scsi-block", "scsi-generic"}
_SCSI = {"scsi": "scsi-hd", "scsi-hd": "scsi-hd", "scsi-block": "scsi-block", "scsi-generic": "scsi-generic"}


def disks(plan: LaunchPlan, board: Board) -> list[str]:
    return [word for index in range(len(plan.resources.disks)) for word in _disk(plan, board, index)]


def cd_drives(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    boots = wanted.boot_order == "cdrom" and not wanted.kernel_path
    words = []
    for name, path in (("cd0", wanted.cdrom_image_path), ("cd1", wanted.cdrom2_image_path)):
        if path:
            words += _image(name, str(plan.paths.under(path)))
            words += [
                "-device",
                _cd_drive(plan, board, name) + (",bootindex=1" if boots and name == "cd0" else ""),
            ]
    return words


def floppy(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    if not wanted.floppy_image_path:
        return []
    boots = wanted.boot_order == "floppy" and not wanted.kernel_path
    # Of the two machines only pc has a controller built in.
    controller = ["-device", "isa-fdc,id=fdc0"] if board.is_q35 else []
    drive = ["-device", "floppy,id=floppy0,unit=0,drive=floppy0"]
    first = ["-global", "isa-fdc.bootindexA=1"] if boots else []
    return [*_image("floppy0", str(plan.paths.under(wanted.floppy_image_path))), *first, *controller, *drive]


def node_name(disk: Disk) -> str:
    """QEMU's name for a disk, on both ends of a migration; it has room for 31 characters."""
    return f"disk-{disk.uuid.replace('-', '')[:12]}"


async def size_of(disk: OpenDisk) -> int:
    """Octets that a guest is to see."""
    if disk.disk.format == "qcow2":
        # Only the QEMU that has it open can make it larger.
        return max(await asyncio.to_thread(_size_of_image, disk.path), disk.disk.size * _MIB)
    return await (size_of_address(disk.uri) if disk.uri else asyncio.to_thread(_size_of_file, disk.path))


def _size_of_image(path: str) -> int:
    return look(Path(path)).size


def _size_of_file(path: str) -> int:
    """Or of a block device."""
    with Path(path).open("rb") as opened:
        return opened.seek(0, os.SEEK_END)


def _disk(plan: LaunchPlan, board: Board, index: int) -> list[str]:
    disk = plan.resources.disks[index]
    boots = index == 0 and plan.parameters.boot_order == "disk" and not plan.parameters.kernel_path
    device = _disk_device(plan, board, disk)
    # A card has no place in the order; firmware boots it when nothing else is there to boot.
    bootindex = ",bootindex=1" if boots and plan.parameters.disk_type != "sd" else ""
    return [
        *_blockdev(plan, disk),
        "-device",
        f"{device},id={node_name(disk.disk)},drive={node_name(disk.disk)}{bootindex}",
    ]


def _disk_device(plan: LaunchPlan, board: Board, disk: OpenDisk) -> str:
    kind = plan.parameters.disk_type
    if kind in _PASSED_THROUGH:
        if not disk.block:
            raise refused("disk_type", f"'{kind}' passes a SCSI device through, and {disk.disk.called} is a file")
        return f"{_SCSI[kind]},{board.scsi()}"
    serial = f"serial={disk.disk.uuid.replace('-', '')[:20]}"
    cache = _write_cache(plan)
    if kind == "paravirtual":
        return f"virtio-blk-pci,{board.express()},{serial}{cache}"
    if kind == "sd":
        _ensure_size_of_a_card(disk.disk)
        return f"sd-card,{board.sd()}"
    if kind == "ide":
        if disk.disk.mode == "ro":
            raise refused("disk_type", "an IDE disk cannot be read-only; choose paravirtual or scsi-hd")
        return f"ide-hd,{board.ide()},{serial}{cache}"
    return f"{_SCSI[kind]},{board.scsi()},{serial}{cache}"


def _ensure_size_of_a_card(disk: Disk) -> None:
    """As QEMU's hw/sd/sd.c has it."""
    if disk.size & (disk.size - 1):
        fitting = 1 << disk.size.bit_length()
        raise refused("disk_type", f"the size of an SD card is a power of two; {disk.size} MiB is none, {fitting} is")


def _blockdev(plan: LaunchPlan, disk: OpenDisk) -> list[str]:
    wanted = plan.parameters
    protocol = _protocol(plan, disk)
    options: dict[str, Any] = {"driver": disk.disk.format, "node-name": node_name(disk.disk), "file": protocol}
    if disk.disk.format == "qcow2":
        options["backing"] = None  # whatever its header says
    if disk.disk.mode == "ro":
        options["read-only"] = True
    if wanted.disk_discard != "default":
        options["discard"] = wanted.disk_discard
        protocol["discard"] = wanted.disk_discard
    return ["-blockdev", json.dumps(options)]


def _protocol(plan: LaunchPlan, disk: OpenDisk) -> dict[str, Any]:
    """How QEMU gets at it."""
    if disk.uri:
        return of_uri(disk.uri) | {"cache": {"direct": plan.parameters.disk_cache == "none"}}
    return {
        "driver": "host_device" if disk.block else "file",
        "filename": disk.path,
        "aio": plan.parameters.disk_aio,
        "cache": {"direct": plan.parameters.disk_cache == "none"},
    }


def _write_cache(plan: LaunchPlan) -> str:
    """Whether the guest sees a drive that holds writes back until it is told to flush them."""
    by_mode = {
        "default": "",
        "none": ",write-cache=on",
        "writeback": ",write-cache=on",
        "writethrough": ",write-cache=off",
    }
    return by_mode[plan.parameters.disk_cache]


def _cd_drive(plan: LaunchPlan, board: Board, name: str) -> str:
    # What firmware boots from a CD ("El Torito") it reads from IDE, SATA and SCSI drives, not from virtio ones.
    kind = plan.parameters.cdrom_disk_type or "ide"
    if kind == "paravirtual":
        return f"virtio-blk-pci,{board.express()},id={name},drive={name}"
    if kind == "ide":
        return f"ide-cd,{board.ide()},id={name},drive={name}"
    return f"scsi-cd,{board.scsi()},id={name},drive={name}"


def _image(name: str, path: str) -> list[str]:
    image = {"driver": "file", "filename": path}
    options = {"driver": "raw", "node-name": name, "read-only": True, "file": image}
    return ["-blockdev", json.dumps(options)]
