# SPDX-License-Identifier: BSD-2-Clause
"""How a guest is on a node, whatever hypervisor runs it."""

from __future__ import annotations

from enum import StrEnum

# Why a guest is paused that has never run.
NOT_STARTED = "not started yet"


class GuestState(StrEnum):
    """The words are shown to users, and those of an end are in records of nodes."""

    RUNNING = "running"
    PAUSED = "paused"
    IO_ERROR = "io-error"  # paused by the hypervisor, since a disk could not be written
    SUSPENDED = "suspended"  # the guest sleeps, by its own doing
    HALTED = "halted"  # its machine is there and cannot go on; a reset helps
    UNRESPONSIVE = "unresponsive"  # the hypervisor's process lives and does not answer
    INCOMING = "incoming"  # room for a guest that another node sends
    MIGRATED = "migrated"  # what is left of a guest that was sent away
    DOWN = "down"  # it was asked to
    USER_DOWN = "user-down"  # it powered itself off
    CRASHED = "crashed"

    @property
    def runs(self) -> bool:
        """Whether the guest is here: it runs, or goes on from where it is."""
        return self in _HERE

    @property
    def can_resume(self) -> bool:
        """Whether it goes on when it is told to."""
        return self in _PAUSED

    @property
    def ended(self) -> bool:
        """Whether nothing of it can touch its disks any more."""
        return self in _ENDED

    def because(self, reason: str) -> str:
        """``io-error (disk/0: no space left)``; ``reason`` may be empty."""
        return f"{self} ({reason})" if reason else str(self)


_PAUSED = frozenset({GuestState.PAUSED, GuestState.IO_ERROR, GuestState.SUSPENDED})
_HERE = _PAUSED | {GuestState.RUNNING, GuestState.HALTED, GuestState.UNRESPONSIVE}
_ENDED = frozenset({GuestState.DOWN, GuestState.USER_DOWN, GuestState.CRASHED})
