# SPDX-License-Identifier: BSD-2-Clause
"""``/run/ganeti/kvm-hypervisor``: where other programs look for a guest's process, sockets and taps, as with Ganeti.

| below it | |
| --- | --- |
| ``pid/NAME`` | the number of its process |
| ``ctrl/NAME.monitor`` | QEMU's own monitor, for people |
| ``ctrl/NAME.serial`` | the serial console |
| ``nic/NAME/N`` | the name of the tap of its network card N |

The first three are links to what is in the guest's directory, and lead to nothing while that is not there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ganeti.host.files import read_text, write_atomic
from ganeti.model.guest import GuestNic
from ganeti.node.hypervisor.kvm.command import MONITOR_SOCKET, PID_FILE, SERIAL_SOCKET
from ganeti.node.network.tap import name_of


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Those of one guest; ``directory`` is its own, below ``/run/ganeti/kvm``."""

    directory: Path

    def show(self, nics: tuple[GuestNic, ...]) -> None:
        """Have all of it there, as it is now."""
        for link, target in self._links().items():
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(target)
        self._taps.mkdir(parents=True, exist_ok=True)
        names = {str(index): name_of(nic) for index, nic in enumerate(nics)}
        for stale in (path for path in self._taps.iterdir() if path.name not in names):
            stale.unlink()
        for index, name in names.items():
            if read_text(self._taps / index) != name:
                write_atomic(self._taps / index, name, mode=0o644, durable=False)

    def remove(self) -> None:
        for link in self._links():
            link.unlink(missing_ok=True)
        shutil.rmtree(self._taps, ignore_errors=True)

    @property
    def _base(self) -> Path:
        return self.directory.parent.with_name("kvm-hypervisor")

    @property
    def _taps(self) -> Path:
        return self._base / "nic" / self.directory.name

    def _links(self) -> dict[Path, Path]:
        name = self.directory.name
        return {
            self._base / "pid" / name: self.directory / PID_FILE,
            self._base / "ctrl" / f"{name}.monitor": self.directory / MONITOR_SOCKET,
            self._base / "ctrl" / f"{name}.serial": self.directory / SERIAL_SOCKET,
        }
