# SPDX-License-Identifier: BSD-2-Clause
"""OVMF, the UEFI of virtual machines, as Debian's package ``ovmf`` has it (its README.Debian).

Every node has the same two builds of 4 MiB, so that a guest can migrate: its flash memories must have the same sizes on
both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ganeti.model.parameters.hypervisor import KvmParameters

_DIRECTORY = Path("/usr/share/OVMF")


@dataclass(frozen=True, slots=True)
class Build:
    """``variables``: those that a new guest begins with. ``name`` distinguishes its own ones from those of others."""

    name: str
    code: Path
    variables: Path


_PLAIN = Build("uefi", _DIRECTORY / "OVMF_CODE_4M.fd", _DIRECTORY / "OVMF_VARS_4M.fd")
# Its variables have Microsoft's keys, with which Linux distributions' boot loaders are signed too, and enforce them.
_SECURE = Build("uefi-secure", _DIRECTORY / "OVMF_CODE_4M.secboot.fd", _DIRECTORY / "OVMF_VARS_4M.ms.fd")


def build_of(wanted: KvmParameters) -> Build:
    return _SECURE if wanted.secure_boot else _PLAIN
