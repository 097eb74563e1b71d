# SPDX-License-Identifier: BSD-2-Clause
"""What a guest can grow to while it runs. Its machine is made for that when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ganeti.model.guest import Guest

# The backend parameters that can reach a running guest.
PLUGGED = ("vcpus", "maxmem", "minmem")

MEMORY_STEP = 2  # MiB; the smallest piece of memory that is plugged in


def most_vcpus(guest: Guest) -> int:
    """The virtual CPUs that its machine has places for."""
    return max(_most(guest, "max_vcpus"), guest.beparams.vcpus)


def base_memory(guest: Guest) -> int:
    """The memory that its machine was started with, MiB."""
    return guest.base_memory or guest.beparams.maxmem


def plugged_memory(guest: Guest) -> int:
    """The memory that it has got since, MiB."""
    return guest.beparams.maxmem - base_memory(guest)


def room_for_memory(guest: Guest) -> int:
    """The memory that its machine can get in all, beyond what it was started with, MiB."""
    return max(_most(guest, "max_memory") - base_memory(guest), 0)


def plugged_parameters(runs: Guest, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that its machine was made to change; others wait for its next start."""
    return tuple(name for name in PLUGGED if name in names and _changes(runs, name))


def limits(runs: Guest, wanted: Guest) -> Iterator[str]:
    """Why a running guest cannot become ``wanted``, as far as its machine does not suffice."""
    if runs.beparams.vcpus != wanted.beparams.vcpus:
        yield from _limits_of_vcpus(runs, wanted.beparams.vcpus)
    if runs.beparams.maxmem != wanted.beparams.maxmem:
        yield from _limits_of_memory(runs, wanted.beparams.maxmem)


def _limits_of_vcpus(runs: Guest, wanted: int) -> Iterator[str]:
    if wanted > most_vcpus(runs):
        yield f"it was started with places for {most_vcpus(runs)} vcpus (max_vcpus)"
    if ":" in str(runs.hvparams.get("cpu_mask", "")):
        yield f"each of its {runs.beparams.vcpus} vcpus is pinned by itself (cpu_mask)"


def _limits_of_memory(runs: Guest, wanted: int) -> Iterator[str]:
    base, most = base_memory(runs), _most(runs, "max_memory")
    if wanted > most:
        yield f"it was started with room for {most} MiB of memory (max_memory)"
    if wanted < base:
        yield f"it was started with {base} MiB of memory, and only what it has got since can be unplugged"
    if (wanted - base) % MEMORY_STEP:
        yield f"memory is plugged in pieces of {MEMORY_STEP} MiB, and it was started with {base} MiB"


def _changes(runs: Guest, name: str) -> bool:
    if name == "vcpus":
        return _most(runs, "max_vcpus") >= runs.beparams.vcpus
    return room_for_memory(runs) > 0


def _most(guest: Guest, name: str) -> int:
    return int(guest.hvparams.get(name, 0))
