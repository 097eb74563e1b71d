# SPDX-License-Identifier: BSD-2-Clause
"""The system's ssh, as the administrator has set it up (decision 5)."""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM = "ssh"


@dataclass(frozen=True, slots=True)
class Ssh:
    """How to reach a machine, as root. ``check_host_key`` off accepts any host key, as --no-ssh-key-check asks.

    ``address``: overrides that of the name, with the same host key. ``asks``: ssh may ask for a password.
    """

    host: str
    port: int = 22
    check_host_key: bool = True
    address: str = ""
    asks: bool = True

    def command(self, remote: str) -> list[str]:
        """The arguments that run a command in the remote shell. If host keys are checked, a changed one is refused."""
        options = {
            "BatchMode": "no" if self.asks else "yes",
            "StrictHostKeyChecking": "accept-new" if self.check_host_key else "no",
        }
        if self.address:
            options |= {"HostName": self.address, "HostKeyAlias": self.host}
        if not self.asks:
            options |= {"ConnectTimeout": "10", "ServerAliveInterval": "15", "ServerAliveCountMax": "3"}
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return [PROGRAM, *given, "-p", str(self.port), f"root@{self.host}", "--", remote]
