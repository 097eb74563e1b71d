# SPDX-License-Identifier: BSD-2-Clause
"""The state of a guest on a node, whatever hypervisor runs it."""

from __future__ import annotations

from enum import StrEnum

# Why a guest that has never run is paused.
NOT_STARTED = "not started yet"


class GuestState(StrEnum):
    """The values are shown to users; those of final states are stored in records on nodes."""

    RUNNING = "running"
    PAUSED = "paused"
    IO_ERROR = "io-error"  # paused by the hypervisor, since a disk could not be written
    SUSPENDED = "suspended"  # suspended by the guest itself
    HALTED = "halted"  # the virtual machine exists and cannot go on; a reset helps
    UNRESPONSIVE = "unresponsive"  # the hypervisor's process is alive but does not answer
    INCOMING = "incoming"  # waits for an incoming migration
    MIGRATED = "migrated"  # what is left of a guest that was migrated away
    DOWN = "down"  # as requested
    USER_DOWN = "user-down"  # it powered itself off
    CRASHED = "crashed"

    @property
    def runs(self) -> bool:
        """Whether the guest is on this node: running, or able to continue."""
        return self in _HERE

    @property
    def can_resume(self) -> bool:
        """Whether it is paused or suspended, so that it can be resumed."""
        return self in _PAUSED

    @property
    def ended(self) -> bool:
        """Whether it can no longer access its disks."""
        return self in _ENDED

    def because(self, reason: str) -> str:
        """``io-error (disk/0: no space left)``; ``reason`` may be empty."""
        return f"{self} ({reason})" if reason else str(self)


_PAUSED = frozenset({GuestState.PAUSED, GuestState.IO_ERROR, GuestState.SUSPENDED})
_HERE = _PAUSED | {GuestState.RUNNING, GuestState.HALTED, GuestState.UNRESPONSIVE}
_ENDED = frozenset({GuestState.DOWN, GuestState.USER_DOWN, GuestState.CRASHED})
