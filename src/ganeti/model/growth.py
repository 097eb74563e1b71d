# SPDX-License-Identifier: BSD-2-Clause
"""What a guest can grow to while it runs. Its machine is made for that when it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ganeti.model.guest import Guest

# The backend parameters that can reach a running guest.
PLUGGED = ("vcpus",)


def most_vcpus(guest: Guest) -> int:
    """The virtual CPUs that its machine has places for."""
    return max(int(guest.hvparams.get("max_vcpus", 0)), guest.beparams.vcpus)


def plugged_parameters(runs: Guest, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that its machine was made to change; others wait for its next start."""
    return tuple(name for name in PLUGGED if name in names and _changes(runs, name))


def limits(runs: Guest, wanted: Guest) -> Iterator[str]:
    """Why a running guest cannot become ``wanted``, as far as its machine does not suffice."""
    if runs.beparams.vcpus == wanted.beparams.vcpus:
        return
    most, mask = most_vcpus(runs), str(runs.hvparams.get("cpu_mask", ""))
    if wanted.beparams.vcpus > most:
        yield f"it was started with places for {most} vcpus (max_vcpus)"
    if ":" in mask:
        yield f"each of its {runs.beparams.vcpus} vcpus is pinned by itself (cpu_mask)"


def _changes(runs: Guest, name: str) -> bool:
    return name == "vcpus" and int(runs.hvparams.get("max_vcpus", 0)) >= runs.beparams.vcpus
