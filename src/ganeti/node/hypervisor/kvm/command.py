# SPDX-License-Identifier: BSD-2-Clause
"""How QEMU is started: the command line for a guest on this node. Pure.

Every parameter is honoured here, or refused by name if this guest or this node does not support it. What can be
checked without either is checked before there is a plan, by the rules of ``model/parameters/hypervisor.py``. Paths of
QEMU's own sockets are relative, since an absolute one may be too long for a socket address; QEMU is run in the guest's
directory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ganeti.model.cpu import GROUP_MODEL
from ganeti.model.growth import base_memory, most_vcpus
from ganeti.model.layout import Layout
from ganeti.node.hypervisor.kvm.board import Board, machine_type
from ganeti.node.hypervisor.kvm.devices import device, option
from ganeti.node.hypervisor.kvm.displays import graphics, spice, vnc
from ganeti.node.hypervisor.kvm.drives import cd_drives, disks, floppy, io_threads
from ganeti.node.hypervisor.kvm.kept import UUID
from ganeti.node.hypervisor.kvm.network_cards import network_cards
from ganeti.node.hypervisor.kvm.ovmf import build_of
from ganeti.node.hypervisor.kvm.peripherals import guest_agent, random_numbers, sound, usb
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, escaped, refused
from ganeti.node.hypervisor.kvm.plugged_memory import device_size, memory_device

PID_FILE = "pid"
MONITOR_SOCKET = "monitor"
SERIAL_SOCKET = "serial"
CHROOT = "root"

_FLASH = ("firmware-code", "firmware-variables")

# The versions since which QEMU has replacements of old options (its docs/about/deprecated.rst).
_RUN_WITH_CHROOT = (8, 1, 0)
_RUN_WITH_USER = (9, 1, 0)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """``layout``: the places of its devices."""

    words: list[str]
    layout: Layout


def command_line(plan: LaunchPlan) -> CommandLine:
    """Raises WrongInput, naming the parameter, for what QEMU or this node does not support."""
    board = Board(plan)
    devices = [
        *disks(plan, board),
        *cd_drives(plan, board),
        *floppy(plan, board),
        *network_cards(plan, board),
        *usb(plan, board),
        *sound(plan, board),
        *guest_agent(plan, board),
        *_panic(plan, board),
        *_tpm(plan),
        *spice(plan, board),
        *option(device("virtio-balloon-pci", {"id": "balloon0"}, board.express("balloon0"))),
        *memory_device(plan, board),
        *random_numbers(plan, board),
    ]
    found = [
        plan.qemu.program,
        *_identity(plan),
        *_machine(plan),
        *_processors(plan),
        *_memory(plan),
        *_boot(plan),
        *_control(plan),
        *_serial(plan),
        *_rights(plan),
        *_flash(plan),
        *graphics(plan),
        *vnc(plan),
        *io_threads(plan),
        *board.words(),
        *devices,
        *(["-incoming", "defer"] if plan.incoming else []),
        *plan.parameters.extra_words(),
    ]
    return CommandLine(found, board.layout)


def _identity(plan: LaunchPlan) -> list[str]:
    if not UUID.fullmatch(plan.guest.uuid):
        raise refused("uuid", f"'{plan.guest.uuid}' is not a UUID")
    # Scripts look for the last "-name" and find a guest's name alone behind it. For QEMU the two options are one.
    name = ("-name", "debug-threads=on", "-name", escaped(plan.guest.name))
    return [*name, "-uuid", plan.guest.uuid, "-no-user-config", "-nodefaults", "-display", "none"]


def _machine(plan: LaunchPlan) -> list[str]:
    wanted = plan.parameters
    options = [machine_type(plan), f"acpi={'on' if wanted.acpi else 'off'}", "dump-guest-core=off"]
    if wanted.mem_path:
        options.append("memory-backend=memory0")
    if wanted.firmware == "uefi":
        options += [f"pflash{number}={name}" for number, name in enumerate(_FLASH)]
    if wanted.secure_boot:
        options.append("smm=on")  # the mode in which firmware alone may write its variables
    words = ["-machine", ",".join(options), "-accel", plan.accelerator]
    words += ["-rtc", f"base={'localtime' if wanted.use_localtime else 'utc'}"]
    return words + (["-action", "reboot=shutdown"] if wanted.reboot_behavior == "exit" else [])


def _processors(plan: LaunchPlan) -> list[str]:
    wanted, vcpus, most = plan.parameters, plan.guest.beparams.vcpus, most_vcpus(plan.guest)
    shape = {"sockets": wanted.cpu_sockets, "cores": wanted.cpu_cores, "threads": wanted.cpu_threads}
    given = {name: number for name, number in shape.items() if number}
    product = 1
    for number in given.values():
        product *= number
    if most % product or (len(given) == len(shape) and product != most):
        described = ", ".join(f"cpu_{name}={number}" for name, number in given.items())
        made = f"{most} vcpus of the instance" if most == vcpus else f"{most} vcpus that it can have (max_vcpus)"
        raise refused(f"cpu_{next(iter(given))}", f"{described} do not make up the {made}")
    room = [f"maxcpus={most}"] if most > vcpus else []
    words = ["-smp", ",".join([str(vcpus), *room, *(f"{name}={number}" for name, number in given.items())])]
    return words + (["-cpu", cpu_model(plan)] if wanted.cpu_type else [])


def cpu_model(plan: LaunchPlan) -> str:
    """Raises WrongInput for one that this QEMU does not have, or not with these processors."""
    wanted = plan.parameters.cpu_type
    model = wanted.partition(",")[0]
    if not model:
        return ""
    if model == GROUP_MODEL:
        raise refused(
            "cpu_type",
            f"'{GROUP_MODEL}' is the model of the instance's node group, which has none; 'gnt-group modify "
            "--cpu-model=auto' gives it the most that its nodes share",
        )
    if model == "host" and plan.accelerator != "kvm":
        raise refused("cpu_type", "'host' needs hardware virtualisation, which this instance does not get here")
    if f"{model}-x86_64-cpu" not in plan.qemu.devices:
        raise refused("cpu_type", f"QEMU {plan.qemu.version_text} on this node has no CPU model '{model}'")
    # What earlier software has started runs without the features that its node lacks.
    if plan.cpus and plan.guest.cpu_checked is not False and (problem := plan.cpus.problem(wanted)):
        raise refused("cpu_type", problem)
    return wanted


def _memory(plan: LaunchPlan) -> list[str]:
    base, more = base_memory(plan.guest), device_size(plan)
    size = f"{base}M"
    words = ["-m", f"{size},maxmem={base + more}M" if more else size]
    if plan.parameters.mem_path:
        where = plan.file(plan.parameters.mem_path)
        words += ["-object", f"memory-backend-file,id=memory0,size={size},mem-path={where},prealloc=on"]
    return words


def _boot(plan: LaunchPlan) -> list[str]:
    wanted = plan.parameters
    if not wanted.kernel_path:
        if wanted.boot_order == "disk" and not plan.resources.disks:
            raise refused("boot_order", "'disk' needs a disk; an instance without disks boots a kernel_path")
        return ["-boot", "strict=on"]
    arguments = [f"root={wanted.root_path}"] if wanted.root_path else []
    arguments += [wanted.kernel_args] if wanted.kernel_args else []
    arguments += [f"console=ttyS0,{wanted.serial_speed}"] if wanted.serial_console else []
    words = ["-kernel", str(plan.paths.under(wanted.kernel_path)), "-append", " ".join(arguments)]
    return words + (["-initrd", str(plan.paths.under(wanted.initrd_path))] if wanted.initrd_path else [])


def _control(plan: LaunchPlan) -> list[str]:
    # The guest waits until the node daemon is connected to its control socket, so that no event is
    # missed; one that is migrated from another node continues by itself as soon as it has arrived. One from another
    # QEMU here waits until that has released the taps.
    waits = [] if plan.incoming and not plan.beside else ["-S"]
    return [
        *waits,
        *("-pidfile", PID_FILE, "-msg", "timestamp=on"),
        *("-chardev", f"socket,id=control,fd={plan.control},server=on,wait=off"),
        *("-mon", "chardev=control,mode=control"),
        *("-chardev", f"socket,id=monitor,path={MONITOR_SOCKET},server=on,wait=off"),
        *("-mon", "chardev=monitor,mode=readline"),
    ]


def _serial(plan: LaunchPlan) -> list[str]:
    if not plan.parameters.serial_console:
        return []
    socket = f"socket,id=serial0,path={SERIAL_SOCKET},server=on,wait=off"
    return ["-chardev", socket, "-device", "isa-serial,id=serial-port0,chardev=serial0"]


def _flash(plan: LaunchPlan) -> list[str]:
    """UEFI in two flash memories: its code, and the guest's variables, which QEMU writes through to their file.

    A migration carries the content of both.
    """
    wanted = plan.parameters
    if wanted.firmware != "uefi":
        return []
    build = build_of(wanted)
    files = (build.code, plan.kept.variables(build))
    words = []
    for name, path in zip(_FLASH, files, strict=True):
        opened = {"driver": "file", "filename": str(path)}
        node = {"driver": "raw", "node-name": name, "read-only": path == build.code, "file": opened}
        words += ["-blockdev", json.dumps(node)]
    if wanted.secure_boot:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
    return words


def _panic(plan: LaunchPlan, board: Board) -> list[str]:
    """The device through which a guest's kernel reports a panic; then QEMU exits."""
    kind = "pvpanic-pci"
    if kind not in plan.qemu.devices:
        return []
    return option(device(kind, {"id": "panic0"}, board.conventional("panic0")))


def _tpm(plan: LaunchPlan) -> list[str]:
    if not plan.parameters.tpm:
        return []
    kind = "tpm-crb"
    if kind not in plan.qemu.devices:
        raise refused("tpm", f"QEMU {plan.qemu.version_text} on this node has no device '{kind}'")
    socket = f"socket,id=tpm0,fd={plan.tpm}"
    return ["-chardev", socket, "-tpmdev", "emulator,id=tpm0,chardev=tpm0", "-device", f"{kind},tpmdev=tpm0"]


def _rights(plan: LaunchPlan) -> list[str]:
    wanted, version = plan.parameters, plan.qemu.version
    words = []
    if user := plan.user:
        words += ["-run-with", f"user={user}"] if version >= _RUN_WITH_USER else ["-runas", user]
    if wanted.use_chroot:
        words += ["-run-with", f"chroot={CHROOT}"] if version >= _RUN_WITH_CHROOT else ["-chroot", CHROOT]
    return words
