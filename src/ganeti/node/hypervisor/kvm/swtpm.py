# SPDX-License-Identifier: BSD-2-Clause
"""A guest's TPM: a process of swtpm's (swtpm(8)), which ends with the QEMU at the other end of its connection.

Nobody else can connect to it, and there is nothing to be found again by a later node daemon.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ganeti.errors import HypervisorFailed
from ganeti.host.process import until
from ganeti.node.hypervisor.kvm import process
from ganeti.node.hypervisor.kvm.kept import Kept
from ganeti.node.hypervisor.kvm.process import Process

if TYPE_CHECKING:
    from ganeti.node.hypervisor.kvm.users import User

SWTPM = Path("/usr/bin/swtpm")

_ENDING = 5.0  # seconds


def start(kept: Kept, name: str, user: User | None, log: Path) -> tuple[Process, socket.socket]:
    """It runs as the user of the guest's QEMU; returns QEMU's end of the connection too.

    Raises EnvironmentUnfit if it cannot be run, HypervisorFailed if it cannot have its state.
    """
    try:
        kept.leave_tpm_to(user.entry if user else None)
    except OSError as error:
        raise HypervisorFailed(f"The state of the TPM, {kept.tpm}, cannot be used: {error.strerror}") from None
    near, far = socket.socketpair()
    with far:
        words = [str(SWTPM), "socket", "--tpm2", "--tpmstate", "dir=.,mode=0600", "--terminate"]
        words += ["--ctrl", f"type=unixio,clientfd={far.fileno()}", *(["--runas", user.name] if user else [])]
        return process.launch(words, kept.tpm, log, name, [far.fileno()]), near


async def ended(kept: Kept) -> None:
    """Wait until nobody has the state of the TPM: its process ends shortly after QEMU, or is killed."""
    if not await until(lambda: kept.tpm_process() is None, timeout=_ENDING) and (pid := kept.tpm_process()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await until(lambda: kept.tpm_process() is None, timeout=_ENDING)
