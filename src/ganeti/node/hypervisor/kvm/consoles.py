# SPDX-License-Identifier: BSD-2-Clause
"""How to connect to a guest's console."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ganeti.model.guest import Guest
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.directory import GuestDirectory
from ganeti.rpc.contract.instance import ConsoleAccess

_LONGEST_ADDRESS = 107  # bytes of a socket's name (unix(7))
_PIECE = 65536  # bytes
_KINDS = {"vnc_bind_address": "vnc", "spice_bind": "spice"}
# From a guest's name and its serial socket. QEMU serves one connection, and does not answer others; so a lock beside
# the socket excludes them. Raw mode, so that every key reaches the guest except Ctrl-], which disconnects.
_ON_THE_LINE = (
    'exec 9>"$1.lock"; '
    'if ! flock -n 9; then echo "The serial console of $0 is in use by somebody else." >&2; exit 1; fi; '
    'echo "Connected to the serial console of $0; Ctrl-] leaves it."; '
    'exec socat STDIO,raw,echo=0,escape=0x1d "UNIX-CONNECT:$1"'
)
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared with


def console_of(
    guest: Guest, wanted: KvmParameters, directory: GuestDirectory, addresses: Mapping[str, str]
) -> ConsoleAccess:
    """The serial one is preferred to graphical ones; an empty ``host`` is the node.

    ``addresses``: see ``LaunchPlan``.
    """
    if wanted.serial_console and len(str(directory.serial)) <= _LONGEST_ADDRESS:
        command = ("sh", "-c", _ON_THE_LINE, guest.name, str(directory.serial))
        return ConsoleAccess("ssh", command=command, details={"user": "root"})
    for parameter, address in addresses.items():
        if address.startswith("/"):
            return ConsoleAccess("msg", f"Its VNC console is the socket {address}/{guest.name}.vnc on the node")
        host = "" if address in _ANYWHERE else address
        return ConsoleAccess(_KINDS[parameter], host=host, port=guest.network_port or 0)
    return ConsoleAccess(
        "msg", f"Instance {guest.name} has no console: set serial_console, vnc_bind_address or spice_bind"
    )


async def discard_output(serial: Path) -> None:
    """Stay connected to the serial console of a guest that is awaited, until that is cancelled.

    A guest may arrive in the middle of a character that nobody has read (a console under Ctrl-S). QEMU (7.2) goes on
    with it only if a console is connected then; otherwise the guest's serial port never sends again.
    """
    with suppress(OSError):  # a guest without a serial console
        reader, writer = await asyncio.open_unix_connection(serial)
        try:
            while await reader.read(_PIECE):
                pass
        finally:
            writer.close()
