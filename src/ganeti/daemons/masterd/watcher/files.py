# SPDX-License-Identifier: BSD-2-Clause
"""The watcher's files on the master, which scripts read; one they also write. Their names are Ganeti's."""

from __future__ import annotations

from collections.abc import Mapping

from ganeti.errors import WrongInput
from ganeti.host.files import read_text, write_atomic
from ganeti.host.paths import Paths

LAST_MOMENT = 253_402_300_799  # seconds since the epoch: the end of the year 9999
_MODE = 0o640


class WatcherFiles:
    """``pause`` as a number: 0 stands for none. Every method raises OSError."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def pause(self) -> float:
        """Raises WrongInput if there is something else in the file."""
        text = read_text(self._paths.watcher_pause)
        if text is None:
            return 0.0
        try:
            moment = int(text.partition(".")[0])
        except ValueError:
            moment = LAST_MOMENT + 1
        if moment > LAST_MOMENT:
            raise WrongInput(
                f"{self._paths.watcher_pause} does not hold the seconds since 1970 until which the watcher is paused"
            )
        return float(max(moment, 0))

    def set_pause(self, until: float) -> None:
        if until:
            write_atomic(self._paths.watcher_pause, f"{until:.0f}\n", mode=_MODE)
        else:
            self._paths.watcher_pause.unlink(missing_ok=True)

    def show_status(self, groups: Mapping[str, Mapping[str, str]]) -> None:
        """By the UUIDs of all groups, the status of their instances by name."""
        lines = {group: [f"{name} {status}\n" for name, status in some.items()] for group, some in groups.items()}
        for group, some in lines.items():
            write_atomic(self._paths.instance_status_of(group), "".join(some), mode=_MODE)
        write_atomic(self._paths.instance_status, "".join(line for some in lines.values() for line in some), mode=_MODE)
        known = {self._paths.instance_status_of(group) for group in groups}
        for path in self._paths.state.glob(self._paths.instance_status_of("*").name):
            if path not in known:
                path.unlink(missing_ok=True)
