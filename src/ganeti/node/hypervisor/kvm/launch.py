# SPDX-License-Identifier: BSD-2-Clause
"""Launches QEMU from a plan until it waits for its first command; after an error nothing is left."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from ganeti.errors import HypervisorFailed, WrongInput
from ganeti.model.entity import evolve
from ganeti.node.hypervisor.kvm import drives, migration, pinning, process, swtpm, users
from ganeti.node.hypervisor.kvm.board import machine_type
from ganeti.node.hypervisor.kvm.command import command_line, cpu_model
from ganeti.node.hypervisor.kvm.directory import GuestDirectory, Record
from ganeti.node.hypervisor.kvm.machine import Machine
from ganeti.node.hypervisor.kvm.monitor import listen
from ganeti.node.hypervisor.kvm.ovmf import build_of
from ganeti.node.hypervisor.kvm.passwords import passwords
from ganeti.node.hypervisor.kvm.plan import LaunchPlan, refused, told
from ganeti.node.hypervisor.kvm.process import Process
from ganeti.node.hypervisor.kvm.users import User

# QEMU answers when it has set up its memory, which takes a while if that is large and preallocated.
_FIRST_ANSWER = 240.0
_LAST_WORDS = 5.0  # seconds from the end of its socket to that of its process
_LONGEST_LOG = 1024**2  # bytes
# What to do about a missing file, by the parameter that needs it.
_REMEDIES = {
    "spice_use_tls": "; 'gnt-cluster renew-crypto --new-spice-certificate' makes one for all nodes",
    "firmware": "; install it (Debian: ovmf)",
    "tpm": "; install it (Debian: swtpm)",
}

# The prefix of QEMU's messages: the time and its own name.
_PREFIX = re.compile(r"^(\d{4}-\d\d-\d\dT\S+ )?(\S*qemu\S*: )?")


def check(plan: LaunchPlan) -> None:
    """Check whether this could run here. Raises WrongInput, naming every parameter that prevents it."""
    late = (_command_line, users.ensure_user)
    if found := [*problems(plan), *(text for ask in late for text in told(partial(ask, plan)))]:
        raise WrongInput("; ".join(dict.fromkeys(found)))


def problems(plan: LaunchPlan) -> list[str]:
    """Why no guest with these parameters could run on this node, as text."""
    asked = (machine_type, cpu_model, _capabilities, _passwords, _processors)
    return [*(text for ask in asked for text in told(partial(ask, plan))), *_missing(plan)]


def _missing(plan: LaunchPlan) -> list[str]:
    found: dict[str, WrongInput] = {}
    for name, path in plan.files():
        if not path.exists():
            found.setdefault(name, refused(name, f"there is no {path} on this node{_REMEDIES.get(name, '')}"))
        elif name == "mem_path" and not path.is_dir():
            found[name] = refused(name, f"{path} is not a directory on this node")
    return [error.message for error in found.values()]


def _capabilities(plan: LaunchPlan) -> object:
    return migration.capabilities(plan.parameters, plan.qemu)


def _processors(plan: LaunchPlan) -> object:
    """Check that the node has the processors that the guest is pinned to."""
    mask = plan.parameters.cpu_mask
    return pinning.parse(mask, mask.count(":") + 1, frozenset(os.sched_getaffinity(0)))


def _passwords(plan: LaunchPlan) -> object:
    return list(passwords(plan))


def _command_line(plan: LaunchPlan) -> object:
    return command_line(plan), _masks(plan)


async def launch(
    plan: LaunchPlan, directory: GuestDirectory, record: Record, log: Path, told: Callable[[Machine], None]
) -> Machine:
    """A QEMU that is ready to run its guest, or to receive it.

    Raises HypervisorFailed with QEMU's last messages; nothing is left then.
    """
    check(plan)
    async with AsyncExitStack() as undo:
        undo.callback(directory.remove)
        await _prepare(plan)
        begin = _log_from(log)
        with users.taken(plan) as user:
            qemu, tpm, record = _begin(plan, directory, record, log, user)
        undo.push_async_callback(_kill, qemu)
        machine = Machine(directory, record, qemu, told, tpm)
        try:
            await machine.connect(_FIRST_ANSWER)
        except HypervisorFailed as error:
            await qemu.gone_within(_LAST_WORDS)
            why = last_words(log, begin) or error.message
            raise HypervisorFailed(f"QEMU of instance {record.guest.name} does not start: {why}") from None
        directory.leave_pid_file_to(user.entry if user else None)
        await _equip(machine, plan)
        undo.pop_all()
    return machine


async def _prepare(plan: LaunchPlan) -> None:
    """The files that are the guest's own, whichever QEMU it has."""
    wanted = plan.parameters
    build = build_of(wanted) if wanted.firmware == "uefi" else None
    await swtpm.ended(plan.kept)
    try:
        await asyncio.to_thread(plan.kept.prepare, build, tpm=wanted.tpm, fresh=plan.incoming)
    except OSError as error:
        raise HypervisorFailed(f"{plan.kept.path} cannot be written: {error.strerror}") from None


def _begin(
    plan: LaunchPlan, directory: GuestDirectory, record: Record, log: Path, user: User | None
) -> tuple[Process, Process | None, Record]:
    """QEMU's process, which inherits all that it needs, its TPM, and the record with the places of its devices."""
    name = record.guest.name
    directory.prepare(user.entry if user else None)
    with ExitStack() as passed:
        listener = passed.enter_context(listen(directory.control))
        descriptors = [listener.fileno(), *(d for tap in plan.resources.taps for d in tap.descriptors)]
        if user and user.lock is not None:
            descriptors.append(user.lock)
        plan, tpm = replace(plan, control=listener.fileno(), user=user.name if user else ""), None
        if plan.parameters.tpm:
            tpm, connection = swtpm.start(plan.kept, name, user, log)
            passed.enter_context(connection)
            descriptors.append(connection.fileno())
            plan = replace(plan, tpm=connection.fileno())
        line = command_line(plan)
        record = evolve(record, guest=evolve(record.guest, layout=line.layout))
        directory.write(record)
        return process.launch(line.words, directory.path, log, name, descriptors), tpm, record


def last_words(log: Path, begin: int) -> str:
    """QEMU's last messages after ``begin`` bytes of its log, without warnings, which are not the cause of its end."""
    try:
        said = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "; ".join(_PREFIX.sub("", line) for line in said if line and "warning:" not in line)[-2000:]


def _log_from(log: Path) -> int:
    """The offset in the log where the output of a start begins; earlier output is kept while it is short."""
    log.parent.mkdir(parents=True, exist_ok=True)
    size = log.stat().st_size if log.exists() else 0
    if size > _LONGEST_LOG:
        os.truncate(log, 0)
        return 0
    return size


async def _kill(qemu: Process) -> None:
    qemu.kill()
    await qemu.gone()


async def _equip(machine: Machine, plan: LaunchPlan) -> None:
    """Settings that a command line cannot make, or should not show."""
    for protocol, password in passwords(plan):
        await machine.execute("set_password", protocol=protocol, password=password)
    for disk in plan.guest.disks:
        if disk.limits:
            await drives.limit(machine, disk)
    whole, single = _masks(plan)
    pinning.pin_process(machine.process.pid, whole)
    if single:
        for processor in await machine.execute("query-cpus-fast"):
            pinning.pin_thread(processor["thread-id"], single[processor["cpu-index"]])


def _masks(plan: LaunchPlan) -> tuple[pinning.Mask, tuple[pinning.Mask, ...]]:
    available = frozenset(os.sched_getaffinity(0))
    return pinning.parse(plan.parameters.cpu_mask, plan.guest.beparams.vcpus, available)
