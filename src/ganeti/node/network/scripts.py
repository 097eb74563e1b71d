# SPDX-License-Identifier: BSD-2-Clause
"""A node's own scripts, which set up the taps of guests (Ganeti's documentation, "Instance Network Configuration").

Names and arguments are those of its design "ifdown script for KVM".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ganeti.errors import EnvironmentUnfit
from ganeti.host.paths import Paths
from ganeti.model.guest import Guest
from ganeti.node.network import tap
from ganeti.node.provider_directory import is_script
from ganeti.node.script import Script, begun_log

_UP = ("kvm-ifup-custom", "kvm-vif-bridge")  # the second is the old name of the first
_DOWN = "kvm-ifdown-custom"
_UP_TIME = 30.0  # seconds
_DOWN_TIME = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class TapScripts:
    paths: Paths

    @property
    def connect(self) -> bool:
        """Whether it is a script that connects taps on this node."""
        return self._up is not None

    def ensure_usable(self) -> None:
        """Raise EnvironmentUnfit if it cannot be run."""
        if self._up and not is_script(self._up):
            raise EnvironmentUnfit(
                f"{self._up} connects network cards on this node, and is no executable file; 'chmod 755 {self._up}' "
                "makes it one, and without such a file they are connected as usual"
            )

    async def bring_up(self, guest: Guest, index: int) -> None:
        """Raises EnvironmentUnfit if it cannot be run, ExecutionFailed if it fails or takes too long."""
        if self._up:
            await self._script(self._up, guest, index).run(tap.name_of(guest.nics[index]), timeout=_UP_TIME)

    async def take_down(self, guest: Guest, index: int, *, moved: bool) -> None:
        """Run the script for what has no tap any more, if there is one; ``moved``: it is on another node now.

        Raises what ``bring_up`` raises.
        """
        path = self.paths.etc / _DOWN
        if os.path.lexists(path):
            name = tap.name_of(guest.nics[index])
            await self._script(path, guest, index).run(name, str(moved), timeout=_DOWN_TIME)

    @property
    def _up(self) -> Path | None:
        return next((path for name in _UP if os.path.lexists(path := self.paths.etc / name)), None)

    def _script(self, path: Path, guest: Guest, index: int) -> Script:
        log = begun_log(self.paths.log / "network-scripts" / f"{guest.name}.log")
        return Script(path, f"this node for network card {index} of {guest.name}", variables(guest, index), log)


def variables(guest: Guest, index: int) -> dict[str, str]:
    """What scripts are told of a network card."""
    nic = guest.nics[index]
    told = {
        "INSTANCE": guest.name,
        "TAGS": " ".join(guest.tags),
        "INTERFACE": tap.name_of(nic),
        "INTERFACE_INDEX": str(index),
        "INTERFACE_UUID": nic.uuid,
        "MAC": nic.mac,
        "MODE": nic.mode,
        "LINK": nic.link,
    }
    optional = {
        "IP": nic.ip,
        "VLAN": nic.vlan,
        "BRIDGE": nic.link if nic.mode == "bridged" else None,
        "INTERFACE_NAME": nic.name,
    }
    told |= {name: value for name, value in optional.items() if value}
    return told | {f"NETWORK_{name}": value for name, value in (nic.network.variables() if nic.network else {}).items()}
