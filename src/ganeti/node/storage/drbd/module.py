# SPDX-License-Identifier: BSD-2-Clause
"""The DRBD module of this machine's kernel."""

from __future__ import annotations

from ganeti.host.files import read_text
from ganeti.host.paths import Paths
from ganeti.model.cluster import DRBD_HELPER
from ganeti.rpc.contract.verify import DrbdFacts

_SUPPORTED = "8.4."
# The module's default helper. It looks for a configuration file with our disks, finds none and fails; DRBD then
# interrupts the synchronisation that it was called for.
_USELESS_HELPER = "/drbdadm"
_DEVICE = "drbd"


class Module:
    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    @property
    def version(self) -> str:
        """Empty if it is not loaded."""
        return read_text(self._paths.under("/sys/module/drbd/version")) or ""

    @property
    def helper(self) -> str:
        """The program that it calls on events."""
        return read_text(self._paths.under("/sys/module/drbd/parameters/usermode_helper")) or ""

    def proc(self) -> str:
        """Its own status, in the format of version 8.4."""
        return read_text(self._paths.under("/proc/drbd")) or ""

    def facts(self) -> DrbdFacts:
        names = [path.name.removeprefix(_DEVICE) for path in self._paths.under("/sys/block").glob(f"{_DEVICE}*")]
        minors = sorted(int(name) for name in names if name.isdecimal())
        return DrbdFacts(self.version, self.helper, tuple(minors))

    def lacking(self) -> tuple[str, ...]:
        """What is missing to use DRBD at all, as text."""
        if not self.version:
            return ("The kernel has no DRBD now; install package drbd-utils, then run 'modprobe drbd'",)
        if not self.version.startswith(_SUPPORTED):
            return (f"DRBD {self.version} is not supported; version 8.4 is, which comes with Linux",)
        return ()

    def problems(self) -> tuple[str, ...]:
        """Why no disk can be mirrored, as text."""
        if not self.helper.endswith(_USELESS_HELPER):
            return self.lacking()
        text = (
            f"The usermode helper of DRBD is {self.helper}, which would break off synchronisations; write "
            f"'{DRBD_HELPER}' to /sys/module/drbd/parameters/usermode_helper, and "
            f"'options drbd usermode_helper={DRBD_HELPER}' to a file in /etc/modprobe.d"
        )
        return (*self.lacking(), text)


class PaperModule:
    """That of a simulated node: always fine."""

    def facts(self) -> DrbdFacts:
        return DrbdFacts("8.4.11", DRBD_HELPER)
