# SPDX-License-Identifier: BSD-2-Clause
"""A migration's connection is encrypted with a key created for it (TLS-PSK, QEMU's "tls-creds-psk").

Node calls carry it from the target to the source. The node's certificate would do too, but must not be given to a
program that a guest may have compromised.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from ganeti.model.parameters.hypervisor import KvmParameters
from ganeti.node.hypervisor.kvm.machine import Machine
from ganeti.node.hypervisor.kvm.users import running_as

KEY = "migration-key"  # QEMU's name for it
_PREFIX = "migration."
_FILE = "keys.psk"  # where QEMU looks for it
_USER = "qemu"  # as QEMU calls itself
_BYTES = 32


def new_key() -> str:
    """In hex, as QEMU expects it."""
    return secrets.token_hex(_BYTES)


async def encrypt(machine: Machine, wanted: KvmParameters, key: str, endpoint: Literal["server", "client"]) -> None:
    """Have the next migration be encrypted; ``client`` is who sends. Raises HypervisorFailed."""
    await do_without(machine)
    directory = _shown(machine, wanted, key)
    await machine.execute("object-add", qom_type="tls-creds-psk", id=KEY, dir=directory, endpoint=endpoint)
    if endpoint == "client":  # a server reads the key when a client connects
        forget_key(machine)
    await machine.execute("migrate-set-parameters", tls_creds=KEY)


async def do_without(machine: Machine) -> None:
    """Have the next migration not be encrypted, though an earlier one was."""
    present = await machine.execute("qom-list", path="/objects")
    if any(found["name"] == KEY for found in present):
        await machine.execute("migrate-set-parameters", tls_creds="")
        await machine.execute("object-del", id=KEY)


def forget_key(machine: Machine) -> None:
    for place in (machine.directory.path, machine.directory.root):
        for made in place.glob(f"{_PREFIX}*"):
            shutil.rmtree(made, ignore_errors=True)


def _shown(machine: Machine, wanted: KvmParameters, key: str) -> str:
    """A directory where QEMU runs, with a key file that only it can read.

    A compromised QEMU may write to the parent directory, so after its creation the directory is not accessed by name.
    """
    owner = running_as(machine.process.pid)
    place = machine.directory.root if wanted.use_chroot else machine.directory.path
    made = Path(tempfile.mkdtemp(dir=place, prefix=_PREFIX))
    directory = os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        file = os.open(_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
        with os.fdopen(file, "w") as opened:
            opened.write(f"{_USER}:{key}\n")
            if owner:
                os.fchown(file, owner, -1)
                os.fchown(directory, owner, -1)
    finally:
        os.close(directory)
    return made.name
