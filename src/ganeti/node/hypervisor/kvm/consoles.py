# SPDX-License-Identifier: BSD-2-Clause
"""How one gets at a guest's console."""

from __future__ import annotations

from ganeti.model.guest import Guest
from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.directory import GuestDirectory
from ganeti.rpc.contract.instance import ConsoleAccess

_LONGEST_ADDRESS = 107  # bytes of a socket's name (unix(7))
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only compared with


def console_of(guest: Guest, wanted: KvmParameters, directory: GuestDirectory) -> ConsoleAccess:
    """The serial one before graphical ones; an empty ``host`` is the node."""
    if wanted.serial_console and len(str(directory.serial)) <= _LONGEST_ADDRESS:
        # Raw, so that every key reaches the guest but Ctrl-], which leaves it.
        command = ("socat", "STDIO,raw,echo=0,escape=0x1d", f"UNIX-CONNECT:{directory.serial}")
        return ConsoleAccess("ssh", command=command, details={"user": "root"})
    for kind, bind in (("vnc", wanted.vnc_bind_address), ("spice", wanted.spice_bind)):
        if bind.startswith("/"):
            return ConsoleAccess("msg", f"Its VNC console is the socket {bind}/{guest.name}.vnc on the node")
        if bind:
            host = "" if bind in _ANYWHERE else bind
            return ConsoleAccess(kind, host=host, port=guest.network_port or 0)
    return ConsoleAccess(
        "msg", f"Instance {guest.name} has no console: set serial_console, vnc_bind_address or spice_bind"
    )
