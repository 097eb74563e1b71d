# SPDX-License-Identifier: BSD-2-Clause
"""Maps QEMU's states (RunState in its qapi/run-state.json) to the model's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganeti.model.disk import Disk
from ganeti.model.guest_state import GuestState
from ganeti.node.hypervisor.kvm.block_nodes import names
from ganeti.node.hypervisor.kvm.devices import disk_name

# Powered down, and about to exit or to restart: an event says which.
POWERED_DOWN = "shutdown"
# Paused at the start, and never resumed.
PRELAUNCH = "prelaunch"

_STATES = {
    "running": GuestState.RUNNING,
    "io-error": GuestState.IO_ERROR,
    "suspended": GuestState.SUSPENDED,
    "guest-panicked": GuestState.HALTED,
    "internal-error": GuestState.HALTED,
    "inmigrate": GuestState.INCOMING,
    # For a moment after the last byte QEMU is still finishing.
    "finish-migrate": GuestState.MIGRATED,
    "postmigrate": GuestState.MIGRATED,
}
_WHY = {"nospace": "no space left on its storage", "failed": "its storage failed"}


def guest_state(word: str) -> GuestState:
    """All other states are kinds of pauses: paused, prelaunch, debug, watchdog, save-vm ..."""
    return _STATES.get(word, GuestState.PAUSED)


def failed_disks(blocks: Iterable[Mapping[str, Any]], disks: Iterable[Disk]) -> str:
    """The disks that have paused a guest, from the answer to ``query-block``."""
    status = {block.get("inserted", {}).get("node-name"): block.get("io-status") for block in blocks}
    told = ((index, status.get(name)) for index, disk in enumerate(disks) for name in names(disk_name(disk)))
    return "; ".join(f"disk/{index}: {_WHY[why]}" for index, why in told if why in _WHY)
