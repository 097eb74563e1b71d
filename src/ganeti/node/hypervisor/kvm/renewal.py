# SPDX-License-Identifier: BSD-2-Clause
"""A running guest gets another QEMU on its own node, by a migration from one process to the other (decision 49).

Until its guest has arrived, and that is on record, the new QEMU can be killed at any time, and the old one goes on.
From then on the old one has nothing more to say, and what is left to do can be begun again by the next node daemon.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, GanetiError, HypervisorFailed
from ganeti.host.clock import Clock
from ganeti.host.paths import Paths
from ganeti.model.guest import Guest
from ganeti.model.guest_state import GuestState
from ganeti.model.migration import ENDING_HERE, LOCAL_BANDWIDTH
from ganeti.model.parameters import filled
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm import migration, swtpm
from ganeti.node.hypervisor.kvm.devices import card_name
from ganeti.node.hypervisor.kvm.directory import GuestDirectory
from ganeti.node.hypervisor.kvm.displays import vnc_listener, vnc_socket
from ganeti.node.hypervisor.kvm.kept import Kept
from ganeti.node.hypervisor.kvm.machine import Machine, process_in
from ganeti.node.hypervisor.kvm.network_cards import descriptors_of, tap_options
from ganeti.node.hypervisor.kvm.plan import LaunchPlan
from ganeti.node.hypervisor.kvm.process import Process
from ganeti.node.network.handover import ensure_possible, hand_over
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


class Renewal:
    """One, from ``old`` to ``new``, which was launched from ``plan``.

    ``send``, then either ``give_up``, or ``go_on`` and ``finish``.
    """

    def __init__(self, old: Machine, new: Machine, plan: LaunchPlan, report: Report, clock: Clock) -> None:
        self.new = new
        self._old = old
        self._plan = plan
        self._report = report
        self._clock = clock
        self._migrated = Migrated(0.0, 0.0, 0.0, 0.0)

    async def send(self, *, live: bool) -> None:
        """Have the guest arrive in the new QEMU, where it waits. After any failure it goes on in the old one."""
        wanted = self._plan.parameters
        caps = ":".join(name for name in wanted.migration_caps.split(":") if name in ENDING_HERE)
        wanted = replace(wanted, migration_caps=caps, migration_bandwidth=LOCAL_BANDWIDTH)
        names = migration.capabilities(wanted, self._plan.qemu)
        incoming = await migration.connect(self._old, self.new, names)
        self._migrated = await migration.send(self._old, names, wanted, incoming, self._report, live=live)
        await migration.until_arrived(self.new)
        self.new.enter("arrived")

    async def give_up(self) -> None:
        """The guest has not left its QEMU; remove what is left of the other one."""
        await self.new.end()
        await self.new.settled()
        self.new.directory.remove()
        await _forget_tpm(self._plan.kept)
        if not self._old.gone:
            await migration.take_back(self._old)

    async def go_on(self) -> Migrated:
        """Let the guest run where it has arrived; how long it was paused in all."""
        old, new = self._old.process.pid, self.new.process.pid
        await _hand_over_taps(self.new.record.guest, old, new, partial(_release_taps, self._old), self._report.log)
        try:
            await self.new.resume()
        except HypervisorFailed as error:
            self._report.log(f"It does not go on at once: {error.message}")
        done = self._migrated
        late = self._clock.now() - done.completed
        return replace(done, downtime=done.downtime + late, total=done.total + late)

    async def finish(self) -> None:
        """End the old QEMU, and put the new one into its place."""
        await self._old.end()
        await self._old.settled()
        self.new.directory = _in_place(self.new.directory)
        await settle_in(self.new, self._plan, self._report.log)


async def settle_in(machine: Machine, plan: LaunchPlan, log: Callable[[str], None]) -> None:
    """The last steps of a QEMU that has taken the place of another one; they can be done again."""
    beside = plan.kept
    if beside.tpm.is_dir():
        await swtpm.ended(Kept(beside.machines, beside.uuid))
        try:
            await asyncio.to_thread(beside.take_place)
        except OSError as error:
            log(f"The state of its TPM, {beside.tpm}, is not where it belongs: {error.strerror}")
    if machine.gone:
        return
    if why := await _show_console(machine, plan):
        log(why)
    machine.enter("running")


async def decide(directory: GuestDirectory, paths: Paths, boot_id: str) -> str:
    """End one of two QEMUs of a guest that a node daemon has left; ``directory`` is that of the new one.

    Returns the guest's name if it stays in the old one, and may have to be told to go on.
    """
    own, record, process = directory.own, directory.read(), await process_in(directory)
    if record is None or record.boot_id != boot_id or record.phase == "incoming":
        await _kill(process)
        directory.remove()
        if record:
            await _forget_tpm(Kept(paths.machines, record.guest.uuid, beside=True))
        return own.path.name
    old = await process_in(own)
    await _hand_over_taps(record.guest, _pid(old), _pid(process), partial(_kill, old), _log.warning)
    if process:
        process.forget()
    try:
        _in_place(directory)
    except HypervisorFailed as error:
        _log.error("Instance %s: %s", record.guest.name, error.message)
    return ""


async def _hand_over_taps(
    guest: Guest, old: int, new: int, release: Callable[[], Awaitable[None]], log: Callable[[str], None]
) -> None:
    wanted = filled(KvmParameters, guest.hvparams, what=f"Parameters of instance {guest.name}")
    there = descriptors_of(new)
    cards = [(nic, there.get(card_name(nic), [])) for nic in guest.nics]
    try:
        await hand_over(cards, old, new, tap_options(wanted), release)
    except GanetiError as error:
        _log.warning("Instance %s: its network cards are not connected: %s", guest.name, error.message)
        log(f"Its network cards are not connected: {error.message}; a hard reboot connects them")


async def _release_taps(old: Machine) -> None:
    """Have a QEMU whose guest has left close its taps, if need be by its end."""
    try:
        for nic in old.record.guest.nics:
            await old.execute("netdev_del", id=card_name(nic))
    except HypervisorFailed as error:
        _log.warning("Instance %s: its old QEMU is killed: %s", old.name, error.message)
        old.process.kill()
        await old.process.gone()


async def _show_console(machine: Machine, plan: LaunchPlan) -> str:
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


async def _forget_tpm(beside: Kept) -> None:
    await swtpm.ended(beside)
    await asyncio.to_thread(beside.forget_tpm)


def _in_place(directory: GuestDirectory) -> GuestDirectory:
    try:
        return directory.take_place()
    except OSError as error:
        raise HypervisorFailed(f"{directory.path} cannot take the place of {directory.own.path}: {error}") from None


def _pid(process: Process | None) -> int:
    return process.pid if process else 0


async def _kill(process: Process | None) -> None:
    if process:
        process.kill()
        await process.gone()
