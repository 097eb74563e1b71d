# SPDX-License-Identifier: BSD-2-Clause
"""Disks, CD drives and the floppy drive of a guest, as QEMU has them."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganeti.model.disk import Disk
from ganeti.model.parameters.hypervisor import PASSED_THROUGH, KvmParameters
from ganeti.node.hypervisor.kvm.board import IO_THREAD, Board, Place
from ganeti.node.hypervisor.kvm.devices import Device, device, disk_name, option
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused
from ganeti.node.hypervisor.kvm.uri import of_uri
from ganeti.node.storage.address import size_of_address
from ganeti.node.storage.driver import OpenDisk
from ganeti.node.storage.qcow2.header import look

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.machine import Machine

_MIB = 1024**2
_SCSI = {"scsi": "scsi-hd", "scsi-hd": "scsi-hd", "scsi-block": "scsi-block", "scsi-generic": "scsi-generic"}


def disks(plan: LaunchPlan, board: Board) -> list[str]:
    return [word for index in range(len(plan.resources.disks)) for word in _words(plan, board, index)]


def cd_drives(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    boots = wanted.boot_order == "cdrom" and not wanted.kernel_path
    found = []
    for name, path in (("cd0", wanted.cdrom_image_path), ("cd1", wanted.cdrom2_image_path)):
        if path:
            first = {"bootindex": 1} if boots and name == "cd0" else {}
            found += [*_image(name, str(plan.paths.under(path))), *option(_cd_drive(plan, board, name) | first)]
    return found


def floppy(plan: LaunchPlan, board: Board) -> list[str]:
    wanted = plan.parameters
    if not wanted.floppy_image_path:
        return []
    boots = wanted.boot_order == "floppy" and not wanted.kernel_path
    # Of the two machine types only pc has a built-in controller.
    controller = ["-device", "isa-fdc,id=fdc0"] if board.is_q35 else []
    drive = ["-device", "floppy,id=floppy0,unit=0,drive=floppy0"]
    first = ["-global", "isa-fdc.bootindexA=1"] if boots else []
    return [*_image("floppy0", str(plan.paths.under(wanted.floppy_image_path))), *first, *controller, *drive]


async def size_of(disk: OpenDisk) -> int:
    """The disk's size for the guest, bytes."""
    if disk.disk.format == "qcow2":
        # Only the QEMU that has it open can grow it.
        return max(await asyncio.to_thread(_size_of_image, disk.path), disk.disk.size * _MIB)
    return await (size_of_address(disk.uri) if disk.uri else asyncio.to_thread(_size_of_file, disk.path))


def _size_of_image(path: str) -> int:
    return look(Path(path)).size


def _size_of_file(path: str) -> int:
    """Or of a block device."""
    with Path(path).open("rb") as opened:
        return opened.seek(0, os.SEEK_END)


def drive(plan: LaunchPlan, board: Board, disk: OpenDisk) -> Device:
    """The guest's device for a disk."""
    kind, name = plan.parameters.disk_type, disk_name(disk.disk)
    last = {"id": name, "drive": name}
    if kind in PASSED_THROUGH:
        if not disk.block:
            raise refused("disk_type", f"'{kind}' passes a SCSI device through, and {disk.disk.called} is a file")
        if disk.disk.limits:
            raise refused(
                "disk_type",
                f"{disk.disk.called} has limits ({disk.disk.limits}), and {why_not_limited(plan.parameters)}",
            )
        return device(_SCSI[kind], board.scsi(name), last)
    serial = {"serial": disk.disk.uuid.replace("-", "")[:20]}
    cache = _write_cache(plan)
    if kind == "paravirtual":
        thread = _thread(plan, disk.disk)
        return device("virtio-blk-pci", board.express(name), plan.queues("num-queues"), thread, serial, cache, last)
    if kind == "sd":
        _ensure_size_of_a_card(disk.disk)
        return device("sd-card", board.sd(), last)
    if kind == "ide":
        if disk.disk.mode == "ro":
            raise refused("disk_type", "an IDE disk cannot be read-only; choose paravirtual or scsi-hd")
        return device("ide-hd", board.ide(), serial, cache, last)
    return device(_SCSI[kind], board.scsi(name), serial, cache, last)


def io_threads(plan: LaunchPlan) -> list[str]:
    return [word for n in range(plan.parameters.disk_iothreads) for word in ("-object", f"iothread,id={IO_THREAD}{n}")]


def block_node(plan: LaunchPlan, disk: OpenDisk, name: str = "") -> dict[str, Any]:
    """How QEMU opens a disk; ``name``: if it is not to have its first one."""
    wanted = plan.parameters
    protocol = _protocol(plan, disk)
    options: dict[str, Any] = {"driver": disk.disk.format, "node-name": name or disk_name(disk.disk), "file": protocol}
    if disk.disk.format == "qcow2":
        options["backing"] = None  # whatever its header says
    if disk.disk.mode == "ro":
        options["read-only"] = True
    if wanted.disk_discard != "default":
        options["discard"] = wanted.disk_discard
        protocol["discard"] = wanted.disk_discard
    return options


async def limit(machine: Machine, disk: Disk) -> None:
    """Set the limits of a disk's speed, or that there are none, in QEMU."""
    limits, of_each = disk.limits, dict.fromkeys(("bps_rd", "bps_wr", "iops_rd", "iops_wr"), 0)
    bursts = {"iops_max": limits.iops_max, "bps_max": limits.bps_max * _MIB}
    bursts = {name: most for name, most in bursts.items() if most}
    lengths = {f"{name}_length": limits.burst for name in bursts}
    usual = {"iops": limits.iops, "bps": limits.bps * _MIB}
    # A device by its own name, or a part of it, as of virtio ones, by its path.
    paths = [one.get("qdev", "") for one in await machine.execute("query-block")]
    (path,) = (path for path in paths if disk_name(disk) in path.split("/"))
    await machine.execute("block_set_io_throttle", id=path, **usual, **of_each, **bursts, **lengths)


def why_not_limited(wanted: KvmParameters) -> str:
    """Why the speed of disks cannot be limited; empty if it can."""
    if wanted.disk_type in PASSED_THROUGH:
        return (
            f"disks of type {wanted.disk_type} pass requests on to their device, where QEMU limits nothing (disk_type)"
        )
    return ""


def why_not_plugged(wanted: KvmParameters) -> str:
    """Why disks cannot be hotplugged; empty if they can."""
    kind, controller = wanted.disk_type, wanted.scsi_controller_type
    if kind != "paravirtual" and (kind not in _SCSI or controller != "virtio-scsi-pci"):
        how = f"{kind} ones on a controller of type {controller}" if kind in _SCSI else f"{kind} ones"
        return f"its disks are {how}; paravirtual ones can be, and those on a controller of type virtio-scsi-pci"
    return ""


def why_not_copied(wanted: KvmParameters) -> str:
    """Why the content of disks could not be copied while their guest runs; empty if it could."""
    kind = wanted.disk_type
    return f"its disks are of type {kind}, which it accesses past QEMU (disk_type)" if kind in PASSED_THROUGH else ""


def why_not_opened(wanted: KvmParameters) -> str:
    """Why a running QEMU could not open a disk; empty if it could."""
    if wanted.security_model != "none":
        who = f"user {wanted.security_domain}" if wanted.security_domain else "a user of the cluster's pool"
        return f"its QEMU runs as {who}, who may open no disks (security_model)"
    return "its QEMU is in a chroot, where no disks are (use_chroot)" if wanted.use_chroot else ""


def _words(plan: LaunchPlan, board: Board, index: int) -> list[str]:
    disk, wanted = plan.resources.disks[index], plan.parameters
    boots = index == 0 and wanted.boot_order == "disk" and not wanted.kernel_path
    # An SD card cannot be in the boot order; firmware boots it if there is nothing else.
    first = {"bootindex": 1} if boots and wanted.disk_type != "sd" else {}
    return ["-blockdev", json.dumps(block_node(plan, disk)), *option(drive(plan, board, disk) | first)]


def _thread(plan: LaunchPlan, disk: Disk) -> dict[str, str]:
    """They are given out in turn; the guest does not see which it is."""
    threads, others = plan.parameters.disk_iothreads, [one.uuid for one in plan.guest.disks]
    place = others.index(disk.uuid) if disk.uuid in others else len(others)
    return {"iothread": f"{IO_THREAD}{place % threads}"} if threads else {}


def _ensure_size_of_a_card(disk: Disk) -> None:
    """As QEMU's hw/sd/sd.c has it."""
    if disk.size & (disk.size - 1):
        fitting = 1 << disk.size.bit_length()
        raise refused("disk_type", f"the size of an SD card is a power of two; {disk.size} MiB is none, {fitting} is")


def _protocol(plan: LaunchPlan, disk: OpenDisk) -> dict[str, Any]:
    """How QEMU accesses it."""
    if disk.uri:
        return of_uri(disk.uri) | {"cache": {"direct": plan.parameters.disk_cache == "none"}}
    return {
        "driver": "host_device" if disk.block else "file",
        "filename": disk.path,
        "aio": plan.parameters.disk_aio,
        "cache": {"direct": plan.parameters.disk_cache == "none"},
    }


def _write_cache(plan: LaunchPlan) -> dict[str, str]:
    """Whether the guest sees a drive with a write cache, which it has to flush."""
    by_mode = {"default": "", "none": "on", "writeback": "on", "writethrough": "off"}
    chosen = by_mode[plan.parameters.disk_cache]
    return {"write-cache": chosen} if chosen else {}


def _cd_drive(plan: LaunchPlan, board: Board, name: str) -> Device:
    # Firmware boots CDs ("El Torito") from IDE, SATA and SCSI drives, not from virtio ones.
    kind = plan.parameters.cdrom_disk_type or "ide"
    driver, place = _cd_place(plan, kind, board, name)
    return device(driver, place, {"id": name, "drive": name})


def _cd_place(plan: LaunchPlan, kind: str, board: Board, name: str) -> tuple[str, Place]:
    if kind == "paravirtual":
        return "virtio-blk-pci", board.express(name) | plan.queues("num-queues")
    return ("ide-cd", board.ide()) if kind == "ide" else ("scsi-cd", board.scsi(name))


def _image(name: str, path: str) -> list[str]:
    image = {"driver": "file", "filename": path}
    options = {"driver": "raw", "node-name": name, "read-only": True, "file": image}
    return ["-blockdev", json.dumps(options)]
