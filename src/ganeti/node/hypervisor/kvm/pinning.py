# SPDX-License-Identifier: BSD-2-Clause
"""The processors of the node on which a guest may run: ``cpu_mask`` (gnt-instance(8))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ganeti.node.hypervisor.kvm.plan import refused

_ALL = "all"

# None means all processors.
Mask = frozenset[int] | None


def parse(cpu_mask: str, vcpus: int, available: frozenset[int]) -> tuple[Mask, tuple[Mask, ...]]:
    """(mask of the whole guest, masks of its virtual processors), of which only one is used.

    ``0-2,5`` is for the whole guest, ``1:3`` and ``1-2:all`` for one virtual processor each.
    Raises WrongInput, also for processors that the node does not have.
    """
    parts = cpu_mask.split(":")
    masks = tuple(_mask(part, available) for part in parts)
    if len(masks) == 1:
        return masks[0], ()
    if len(masks) != vcpus:
        raise refused("cpu_mask", f"'{cpu_mask}' is for {len(masks)} vcpus, the instance has {vcpus}")
    return None, masks


def pin_process(pid: int, mask: Mask) -> None:
    """Pin all threads of a process; later ones inherit it."""
    if mask is not None:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            pin_thread(int(thread.name), mask)


def pin_thread(thread: int, mask: Mask) -> None:
    if mask is not None:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(thread, mask)


def _mask(text: str, available: frozenset[int]) -> Mask:
    if text == _ALL:
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen |= set(range(int(first), int(last or first) + 1))
    if missing := sorted(chosen - available):
        raise refused("cpu_mask", f"this node has no processor {missing[0]}; it has {_spelled(available)}")
    if not chosen:
        raise refused("cpu_mask", f"'{text}' names no processor")
    return frozenset(chosen)


def _spelled(processors: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(processors)))
