# SPDX-License-Identifier: BSD-2-Clause
"""OS providers of machines on paper: files as on real ones; what their scripts would do is written down."""

from dataclasses import dataclass, field
from typing import Any

from ganeti import errors
from ganeti.model.disk import DiskUse
from ganeti.node.osinstall.provider import find
from ganeti.rpc.contract.os import InstallOs, RenameInOs


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

    ``broken``: whether scripts fail.
    """

    equipment: object
    calls: list[Any] = field(default_factory=list)
    installed: dict[str, Any] = field(default_factory=dict)
    broken: bool = False

    @property
    def handlers(self):
        return {InstallOs: self.install, RenameInOs: self.rename}

    async def install(self, call, report):
        await self._work(call, "create", report)

    async def rename(self, call, report):
        await self._work(call, "rename", report)

    async def _work(self, call, script, report):
        guest = call.guest
        provider = find(self.equipment.paths, guest.os)
        if self.equipment.hypervisor(guest.hypervisor).runs(guest.name):
            raise errors.WrongState(f"Instance {guest.name} runs; stop it first")
        storage = self.equipment.storage(guest.disk_template)
        for disk in guest.disks:
            await storage.hold(disk, guest.peers, DiskUse.OWN)
        try:
            self.calls.append(call)
            if self.broken:
                raise errors.ExecutionFailed(f"The '{script}' script of OS provider '{provider.name}' failed")
            report.log(f"{provider.name} says hello")
            self.installed |= {disk.uuid: (guest.os, guest.name) for disk in guest.disks}
        finally:
            for disk in guest.disks:
                await storage.hold(disk, guest.peers, DiskUse.STANDBY)
