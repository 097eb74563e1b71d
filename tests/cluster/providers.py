# SPDX-License-Identifier: BSD-2-Clause
"""OS providers of machines on paper: files as on real ones; what their scripts would do is written down."""

from dataclasses import dataclass, field
from typing import Any

from ganeti import errors
from ganeti.model.disk import DiskUse
from ganeti.node.osinstall.provider import find
from ganeti.rpc.contract.os import ExportDisk, ImportDisk, InstallOs, RenameInOs


def provide(cluster, name, *, variants=(), parameters=()):
    """Give every machine a provider."""
    for machine in cluster.nodes.values():
        directory = machine.paths.os_search_path[0] / name
        directory.mkdir(parents=True, exist_ok=True)
        # Those that have no parameters have no 'verify' either, which would be run.
        versions = "20\n15\n" if parameters else "15\n"
        (directory / "ganeti_api_version").write_text(versions)
        (directory / "variants.list").write_text("".join(f"{variant}\n" for variant in variants))
        (directory / "parameters.list").write_text("".join(f"{parameter} what to say\n" for parameter in parameters))
        for script in ("create", "import", "export", "rename", "verify"):
            (directory / script).write_text("#!/bin/sh\nexit 0\n")
            (directory / script).chmod(0o755)


@dataclass
class PaperProviders:
    """``calls`` in their order; ``installed``: the OS on each disk and the name that it has for itself, by UUID.
    ``imported``: what was in the dump, by the UUID of the disk.

    ``broken``: whether scripts fail.
    """

    equipment: object
    calls: list[Any] = field(default_factory=list)
    installed: dict[str, Any] = field(default_factory=dict)
    imported: dict[str, Any] = field(default_factory=dict)
    broken: bool = False

    @property
    def handlers(self):
        return {
            InstallOs: self.install,
            RenameInOs: self.rename,
            ExportDisk: self.export,
            ImportDisk: self.import_,
        }

    async def install(self, call, report):
        await self._work(call, "create", report)

    async def rename(self, call, report):
        await self._work(call, "rename", report)

    async def export(self, call, report):
        """What a dump says is where the disk is that it was made of, and what was installed there."""
        disk = call.guest.disks[call.index]
        report.progress(disk.size / 2, disk.size, "MiB")
        await self._work(call, "export", report, copied=call.copied)
        async with self.equipment.channel.sending(call.receiver, call.address, call.port, call.compress) as sending:
            await sending.write(f"{disk.location} of {call.guest.name}".encode())
            await sending.end()

    async def import_(self, call, report):
        await self._work(call, "import", report)
        async with self.equipment.channel.receiving(call.sender, call.address, call.port) as receiving:
            content = b"".join([piece async for piece in receiving.pieces()])
        self.imported[call.guest.disks[call.index].uuid] = content.decode()

    async def _work(self, call, script, report, *, copied=False):
        guest = call.guest
        provider = find(self.equipment.paths, guest.os)
        if self.equipment.hypervisor(guest.hypervisor).runs(guest.name) and not copied:
            raise errors.WrongState(f"Instance {guest.name} runs; stop it first")
        storage = self.equipment.storage(guest.disk_template)
        for disk in guest.disks:
            await storage.hold(disk, guest.peers, DiskUse.OWN)
        try:
            self.calls.append(call)
            if self.broken:
                raise errors.ExecutionFailed(f"The '{script}' script of OS provider '{provider.name}' failed")
            report.log(f"{provider.name} says hello")
            if script in ("create", "rename"):
                self.installed |= {disk.uuid: (guest.os, guest.name) for disk in guest.disks}
        finally:
            for disk in guest.disks:
                await storage.hold(disk, guest.peers, DiskUse.STANDBY)
