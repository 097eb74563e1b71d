# SPDX-License-Identifier: BSD-2-Clause
"""The capabilities of this node's QEMU, as it reports them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from ganeti.errors import EnvironmentUnfit
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.conversation import converse

OLDEST = (7, 2, 0)  # Debian 12's

_DEFAULT_PATH = KvmParameters().kvm_path
# What ``kvm_path`` means by default: its default name is not everywhere QEMU itself, on some systems it
# is a script that requires hardware virtualisation.
_USUAL_PATHS = ("/usr/bin/qemu-system-x86_64", _DEFAULT_PATH, "/usr/libexec/qemu-kvm")

_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"execute": "query-version", "id": "version"},
    {"execute": "query-machines", "id": "machines"},
    {"execute": "qom-list-types", "arguments": {"implements": "device", "abstract": False}, "id": "devices"},
    {"execute": "query-migrate-capabilities", "id": "migration"},
)


class Capabilities(Struct, frozen=True, kw_only=True):
    """``machines`` and ``devices`` by the names that QEMU's command line takes; ``package``: its version."""

    program: str
    version: tuple[int, int, int]
    machines: frozenset[str]
    devices: frozenset[str]
    migration: frozenset[str]
    vhost_net: bool = False
    package: str = ""

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def full_version(self) -> str:
        return full_version(self.version_text, self.package)


class _Numbers(Struct):
    major: int
    minor: int
    micro: int


class _Version(Struct):
    qemu: _Numbers
    package: str = ""


Answer = TypeVar("Answer")


class _Named(Struct):
    """A machine or a device."""

    name: str
    alias: str | None = None


class _Capability(Struct):
    capability: str


class _Answers(Struct):
    """By the ``id`` of the queries."""

    version: _Version
    machines: list[_Named]
    devices: list[_Named]
    migration: list[_Capability]


class Remembered(Generic[Answer]):
    """Answers that are got once each, however many ask at a time: after a boot many guests start at once."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Answer] = {}
        self._asking = asyncio.Lock()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        async with self._asking:
            if key not in self._known:
                self._known[key] = await ask()
        return self._known[key]


class Probe:
    """Queries each program once, and again when it has been replaced."""

    def __init__(self) -> None:
        self._known = Remembered[Capabilities]()

    async def ask(self, kvm_path: str) -> Capabilities:
        """Raises EnvironmentUnfit if QEMU is missing or too old; ExecutionFailed if it hangs."""
        program = find(kvm_path)
        return await self._known.get(build_of(program), partial(_asked, program))


def full_version(version: str, package: str) -> str:
    """``7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)``."""
    return f"{version} ({package})" if package else version


def build_of(program: Path) -> tuple[str, int, int]:
    """What changes when a program is replaced."""
    stat = program.stat()
    return str(program), stat.st_mtime_ns, stat.st_size


def find(kvm_path: str) -> Path:
    """QEMU's program. Raises EnvironmentUnfit naming what is missing."""
    candidates = _USUAL_PATHS if kvm_path == _DEFAULT_PATH else (kvm_path,)
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and Path(candidate).is_file():
            return Path(candidate)
    raise EnvironmentUnfit(
        f"Parameter 'kvm_path': there is no QEMU at {' or '.join(candidates)} on this node; "
        "install it (Debian: qemu-system-x86)"
    )


async def _asked(program: Path) -> Capabilities:
    answers = await converse(program, "tcg", _QUESTIONS)
    try:
        found = _understood(program, msgspec.convert(answers, _Answers))
    except msgspec.ValidationError:
        raise EnvironmentUnfit(f"Parameter 'kvm_path': {program} is not QEMU: it does not answer as one does") from None
    if found.version < OLDEST:
        raise EnvironmentUnfit(
            f"{program} is QEMU {found.version_text}; the oldest that is supported is {'.'.join(map(str, OLDEST))}"
        )
    return found


def _understood(program: Path, answers: _Answers) -> Capabilities:
    version = answers.version.qemu
    return Capabilities(
        program=str(program),
        version=(version.major, version.minor, version.micro),
        machines=frozenset(name for machine in answers.machines for name in (machine.name, machine.alias) if name),
        devices=frozenset(device.name for device in answers.devices),
        migration=frozenset(capability.capability for capability in answers.migration),
        vhost_net=os.access("/dev/vhost-net", os.R_OK | os.W_OK),
        package=answers.version.package,
    )
