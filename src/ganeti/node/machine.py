# SPDX-License-Identifier: BSD-2-Clause
"""The machine of a node: memory, processors, and what it can reach."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from ganeti.errors import ResolverError
from ganeti.host.addresses import all_addresses, is_own_address
from ganeti.host.files import read_text

_KIB_PER_MIB = 1024
_CONNECT = 5.0  # seconds for a machine to answer
_LOOK_UP = 10.0  # seconds for the resolver to answer


class Machine(Protocol):
    """Sizes in MiB."""

    def memory(self) -> tuple[int, int]:
        """(total, available)."""
        ...

    def processors(self) -> tuple[int, int, int]:
        """(all, sockets, NUMA nodes)."""
        ...

    def boot_id(self) -> str: ...

    def holds(self, address: str) -> bool:
        """Whether this machine has an address."""
        ...

    async def reaches(self, address: str, port: int) -> bool:
        """Whether something listens at an address, as seen from here."""
        ...

    async def addresses_of(self, name: str) -> list[str]:
        """The addresses of a name, as resolved here. Raises ResolverError."""
        ...


class ThisMachine:
    """Read from the kernel (proc(5))."""

    def memory(self) -> tuple[int, int]:
        values = {}
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            values[name] = int(value.split()[0]) // _KIB_PER_MIB
        return values["MemTotal"], values["MemAvailable"]

    @cache  # noqa: B019 - there is one such machine
    def processors(self) -> tuple[int, int, int]:
        packages = {
            read_text(path) for path in Path("/sys/devices/system/cpu").glob("cpu*/topology/physical_package_id")
        }
        nodes = list(Path("/sys/devices/system/node").glob("node[0-9]*"))
        return os.cpu_count() or 1, len(packages) or 1, len(nodes) or 1

    def boot_id(self) -> str:
        return read_text(Path("/proc/sys/kernel/random/boot_id")) or ""

    def holds(self, address: str) -> bool:
        return is_own_address(address)

    async def reaches(self, address: str, port: int) -> bool:
        try:
            async with asyncio.timeout(_CONNECT):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def addresses_of(self, name: str) -> list[str]:
        try:
            async with asyncio.timeout(_LOOK_UP):
                return await asyncio.to_thread(all_addresses, name)
        except TimeoutError:
            raise ResolverError(f"What the name '{name}' means was not answered within {_LOOK_UP:g} s") from None


@dataclass(frozen=True, slots=True)
class PaperMachine:
    """A simulated machine of any size, for tests. ``used`` is what the node itself uses.

    It has every address except those in ``lacking``. ``names`` are those that it can resolve.
    """

    total_memory: int = 32768
    used_memory: int = 512
    all_processors: int = 16
    boot: str = "paper"
    lacking: frozenset[str] = frozenset()
    names: Mapping[str, list[str]] = field(default_factory=dict)

    def memory(self) -> tuple[int, int]:
        return self.total_memory, self.total_memory - self.used_memory

    def processors(self) -> tuple[int, int, int]:
        return self.all_processors, 1, 1

    def boot_id(self) -> str:
        return self.boot

    def holds(self, address: str) -> bool:
        return address not in self.lacking

    async def reaches(self, address: str, port: int) -> bool:
        del address, port
        return True

    async def addresses_of(self, name: str) -> list[str]:
        return self.names.get(name, [])
