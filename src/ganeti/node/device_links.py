# SPDX-License-Identifier: BSD-2-Clause
"""``/run/ganeti/instance-disks/NAME:N``: where other programs find the disks of this node's guests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganeti.host.paths import Paths
from ganeti.node.storage.driver import OpenDisk


class DeviceLinks:
    def __init__(self, paths: Paths) -> None:
        self._directory = paths.run / "instance-disks"

    def make(self, guest: str, disks: Sequence[OpenDisk]) -> None:
        """Replaces existing links of the same guest."""
        self.remove(guest)
        for index, disk in enumerate(disks):
            if disk.path:
                self._directory.mkdir(parents=True, exist_ok=True)
                self._link(guest, index).symlink_to(disk.path)

    def remove(self, guest: str) -> None:
        for link in self._directory.glob(f"{guest}:*"):
            link.unlink(missing_ok=True)

    def _link(self, guest: str, index: int) -> Path:
        return self._directory / f"{guest}:{index}"
