# SPDX-License-Identifier: BSD-2-Clause
"""How long a live migration takes, before it is begun (QEMU's docs/devel/migration: precopy)."""

from __future__ import annotations

from dataclasses import dataclass

# Capabilities of QEMU by which a migration ends though the guest changes its memory faster than it is sent.
ENDING = ("auto-converge", "postcopy-ram")
# Those that a migration from one QEMU to another on the same node may use: with the other, a guest whose new QEMU ends
# on the way would be lost.
ENDING_HERE = ("auto-converge",)
LOCAL_BANDWIDTH = 1024  # MiB a second, from one process to another
_MOST = 95  # percent of the bandwidth; who changes more than that leaves no time in which the rest could be sent


@dataclass(frozen=True, slots=True)
class Forecast:
    """``memory`` in MiB, ``changed`` and ``bandwidth`` in MiB a second, ``downtime`` at most, in seconds.

    The memory is sent while the guest runs, then what it has changed meanwhile, and so on, until the rest can be sent
    within the downtime.
    """

    memory: float
    changed: float
    bandwidth: float
    downtime: float

    @property
    def ends(self) -> bool:
        """Whether by itself, without a capability that slows the guest or has its memory follow."""
        return self.changed <= self.bandwidth * _MOST / 100 or self.memory <= self._last

    @property
    def seconds(self) -> float:
        """Until the guest has left; for one that does not end by itself, of the first pass alone."""
        left = sent = self.memory
        while self.ends and left > self._last:
            left *= self.changed / self.bandwidth
            sent += left
        return sent / self.bandwidth

    @property
    def _last(self) -> float:
        """How much can be left when the guest is stopped, MiB."""
        return self.bandwidth * self.downtime

    def told(self) -> str:
        about = f"{self.memory:.0f} MiB of memory at up to {self.bandwidth:.0f} MiB/s, {self.changed:.0f} MiB/s changed"
        return f"about {self.seconds:.0f} seconds ({about} meanwhile); downtime at most {self.downtime * 1000:.0f} ms"
