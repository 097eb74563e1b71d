# SPDX-License-Identifier: BSD-2-Clause
"""The system's ssh, as the administrator has set it up (decision 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROGRAM = "ssh"


# Where ssh looks by itself for the keys of all users (ssh_config(5), "GlobalKnownHostsFile").
_SYSTEMS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


def known_hosts_files(known: Path) -> str:
    """A value of ``GlobalKnownHostsFile``: what is known by one of these files is."""
    return " ".join((*_SYSTEMS, f'"{known}"'))


@dataclass(frozen=True, slots=True)
class Ssh:
    """How to reach a machine, as root. ``check_host_key`` off accepts any host key, as --no-ssh-key-check asks.

    ``known``: a file with host keys that count besides the administrator's.
    ``address``: overrides that of the name, with the same host key. ``asks``: ssh may ask for a password.
    """

    host: str
    port: int = 22
    check_host_key: bool = True
    address: str = ""
    asks: bool = True
    known: Path | None = None

    def command(self, remote: str) -> list[str]:
        """The arguments that run a command in the remote shell. If host keys are checked, a changed one is refused."""
        options = {
            "BatchMode": "no" if self.asks else "yes",
            "StrictHostKeyChecking": "accept-new" if self.check_host_key else "no",
        }
        if self.address:
            options |= {"HostName": self.address, "HostKeyAlias": self.host}
        if self.known:
            options |= {"GlobalKnownHostsFile": known_hosts_files(self.known)}
        if not self.asks:
            options |= {"ConnectTimeout": "10", "ServerAliveInterval": "15", "ServerAliveCountMax": "3"}
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return [PROGRAM, *given, "-p", str(self.port), f"root@{self.host}", "--", remote]
