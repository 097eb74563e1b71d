# SPDX-License-Identifier: BSD-2-Clause
"""A running guest gets another QEMU on its own node, by a migration from one process to the other (decision 49).

Until its guest has arrived, and that is on record, the new QEMU can be killed at any time, and the old one goes on.
From then on the old one has nothing more to say, and what is left to do can be begun again by the next node daemon.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, HypervisorFailed
from ganeti.model.guest_state import GuestState
from ganeti.model.migration import ENDING_HERE, LOCAL_BANDWIDTH
from ganeti.node.hypervisor.kvm import migration
from ganeti.node.hypervisor.kvm.devices import card_name
from ganeti.node.hypervisor.kvm.displays import vnc_listener, vnc_socket
from ganeti.node.hypervisor.kvm.machine import Machine
from ganeti.node.hypervisor.kvm.plan import LaunchPlan
from ganeti.node.network.handover import ensure_possible
from ganeti.rpc.contract.instance import Migrated
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

_MIB = 1024**2
_PAGES = Path("/sys/kernel/mm/hugepages")
_ELSEWHERE = "'gnt-instance migrate' to another node, or 'gnt-instance reboot --type=hard', gives it a new QEMU too"


def obstacles(machine: Machine, plan: LaunchPlan) -> Iterator[str]:
    """Why the guest cannot get another QEMU now; ``plan``: that of the new one."""
    wanted = plan.parameters
    if machine.state is not GuestState.RUNNING:
        yield f"it is {machine.state.because(machine.why)}"
    if wanted.spice_bind:
        yield f"two QEMUs cannot have the port of its SPICE console at once (spice_bind); {_ELSEWHERE}"
    if vnc_socket(plan) and (wanted.use_chroot or wanted.security_model != "none"):
        yield (
            "its VNC console is a socket in a directory (vnc_bind_address), which its QEMU cannot make later, with the "
            f"few rights that it has (use_chroot, security_model); {_ELSEWHERE}"
        )
    if "host:" in wanted.usb_devices:
        yield "it has a USB device of the node, which two QEMUs cannot have at once (usb_devices)"
    try:
        ensure_possible(machine.record.guest.nics, machine.process.pid)
    except EnvironmentUnfit as error:
        yield f"its network cards cannot be handed over: {error.message}"
    if wanted.mem_path and (lacking := _huge_pages_lacking(plan)):
        yield f"its memory is in huge pages (mem_path), and is needed twice meanwhile: {lacking}"


async def send(old: Machine, new: Machine, plan: LaunchPlan, report: Report, *, live: bool) -> Migrated:
    """Have the guest arrive in the new QEMU, where it waits. After any failure it goes on in the old one."""
    wanted = plan.parameters
    caps = ":".join(name for name in wanted.migration_caps.split(":") if name in ENDING_HERE)
    wanted = replace(wanted, migration_caps=caps, migration_bandwidth=LOCAL_BANDWIDTH)
    names = migration.capabilities(wanted, plan.qemu)
    incoming = await migration.connect(old, new, names)
    migrated = await migration.send(old, names, wanted, incoming, report, live=live)
    await migration.until_arrived(new)
    new.enter("arrived")
    return migrated


async def release_taps(old: Machine) -> None:
    """Have a QEMU whose guest has left close its taps, if need be by its end."""
    try:
        for nic in old.record.guest.nics:
            await old.execute("netdev_del", id=card_name(nic))
    except HypervisorFailed as error:
        _log.warning("Instance %s: its old QEMU is killed: %s", old.name, error.message)
        old.process.kill()
        await old.process.gone()


async def show_console(machine: Machine, plan: LaunchPlan) -> str:
    """Have the VNC console listen where it should; why it does not, empty if it does."""
    listener = vnc_listener(plan)
    try:
        if listener:
            await machine.execute("display-update", type="vnc", addresses=[listener])
    except HypervisorFailed as error:
        return f"its VNC console cannot be reached: {error.message}"
    return ""


def _huge_pages_lacking(plan: LaunchPlan) -> str:
    """How many of them are free, as text; empty if there are enough."""
    size = os.statvfs(plan.paths.under(plan.parameters.mem_path)).f_bsize
    try:
        free = int((_PAGES / f"hugepages-{size // 1024}kB" / "free_hugepages").read_text())
    except OSError:  # the directory is none of hugetlbfs
        return ""
    needed = -(-plan.guest.beparams.maxmem * _MIB // size)
    return f"{free} pages of {size // 1024} KiB are free, {needed} are needed" if free < needed else ""
