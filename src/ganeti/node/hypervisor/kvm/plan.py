# SPDX-License-Identifier: BSD-2-Clause
"""Everything from which a QEMU command line is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganeti.errors import WrongInput
from ganeti.host.paths import Paths
from ganeti.model.cpu import CpuModels
from ganeti.model.growth import most_vcpus
from ganeti.model.guest import Guest
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.driver import Resources
from ganeti.node.hypervisor.kvm.capabilities import Capabilities
from ganeti.node.hypervisor.kvm.kept import Kept
from ganeti.node.hypervisor.kvm.ovmf import build_of
from ganeti.node.hypervisor.kvm.swtpm import SWTPM

Accelerator = Literal["kvm", "tcg"]


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """``control``: the descriptor of the socket for QEMU's commands; ``tpm``: that of the connection to its TPM.

    ``user``: the one QEMU runs as, if not root. ``beside``: another QEMU on this node has the guest, from which it is
    to come; what only one of them can have, the other one has until then.

    Files in parameters are on the node, so they are below its root. ``addresses`` are those
    that ``vnc_bind_address`` and ``spice_bind`` mean on this node, by these names. ``cpus``: the models that it can
    give, if the guest has a ``cpu_type``.
    """

    guest: Guest
    parameters: KvmParameters
    qemu: Capabilities
    accelerator: Accelerator
    resources: Resources
    paths: Paths
    control: int = -1
    tpm: int = -1
    incoming: bool = False
    beside: bool = False
    user: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    cpus: CpuModels | None = None

    @property
    def kept(self) -> Kept:
        return Kept(self.paths.machines, self.guest.uuid, beside=self.beside)

    def queues(self, name: str) -> dict[str, int]:
        """The option of a drive with this name for one queue a CPU, whichever CPUs there are.

        QEMU itself counts those that it is started with, which are others where the guest is sent or started again.
        """
        return {name: most_vcpus(self.guest)} if self.parameters.max_vcpus else {}

    def file(self, path: str) -> str:
        """A file that a parameter names, escaped for an option of QEMU."""
        return escaped(str(self.paths.under(path)))

    def files(self) -> Iterator[tuple[str, Path]]:
        """(parameter, file) of all files that must exist before anything starts."""
        wanted = self.parameters
        for name in (
            "kernel_path",
            "initrd_path" if wanted.kernel_path else "",
            "cdrom_image_path",
            "cdrom2_image_path",
            "floppy_image_path",
            "mem_path",
            "vnc_password_file" if wanted.vnc_bind_address else "",
            "vnc_x509_path" if wanted.vnc_bind_address else "",
            "spice_password_file" if wanted.spice_bind else "",
        ):
            if name and (path := getattr(wanted, name)):
                yield name, self.paths.under(path)
        if wanted.spice_bind and wanted.spice_use_tls:
            yield from (("spice_use_tls", path) for path in (self.paths.spice_certificate, self.paths.spice_authority))
        if wanted.firmware == "uefi":
            build = build_of(wanted)
            yield from (("firmware", path) for path in (build.code, build.variables))
        if wanted.tpm:
            yield "tpm", SWTPM


def refused(parameter: str, why: str) -> WrongInput:
    return WrongInput(f"Parameter '{parameter}': {why}")


def escaped(value: str) -> str:
    """A value within an option, with commas doubled (qemu(1))."""
    return value.replace(",", ",,")


def told(make: Callable[[], object]) -> list[str]:
    """Why ``make`` fails, as text; empty if it does not."""
    try:
        make()
    except WrongInput as error:
        return [error.message]
    return []
