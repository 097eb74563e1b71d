# SPDX-License-Identifier: BSD-2-Clause
"""Preparing a node from the master over ssh, as ``gnt-node add`` always did.

The master runs ``ganeti-node-setup`` on the node twice: the first time it makes a key and returns a
certificate request, the second time it takes the bundle and starts the node daemon. The key never leaves
the node.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti import VERSION
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.host.certificates import request_certificate
from ganeti.host.files import write_atomic
from ganeti.host.paths import Paths
from ganeti.node.membership import Bundle, ensure_free, enter, leave

SETUP_PROGRAM = "ganeti-node-setup"
_TIMEOUT = 120.0  # seconds


class Prepared(Struct, frozen=True, kw_only=True):
    """What the first run returns."""

    version: str
    request: str


@dataclass(frozen=True, slots=True)
class Ssh:
    """How the node is reached. ``check_host_key`` off accepts any host key, as --no-ssh-key-check asks."""

    host: str
    port: int = 22
    check_host_key: bool = True

    def run(self, arguments: list[str], standard_input: bytes = b"") -> bytes:
        """The output of our program on the node. Raises ExecutionFailed with what ssh or the program said."""
        checking = "accept-new" if self.check_host_key else "no"
        options = ["-o", "BatchMode=no", "-o", f"StrictHostKeyChecking={checking}", "-p", str(self.port)]
        # The software is expected where it is on this machine, or on the node's own path.
        here = Path(sys.executable).parent
        remote = f"PATH={shlex.quote(str(here))}:$PATH {SETUP_PROGRAM} {shlex.join(arguments)}"
        try:
            done = subprocess.run(
                ["ssh", *options, f"root@{self.host}", remote],
                input=standard_input,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise EnvironmentUnfit(
                "The program 'ssh' is not installed on this machine; install it, or use 'gnt-node invite'"
            ) from None
        except subprocess.TimeoutExpired:
            raise ExecutionFailed(f"ssh to {self.host} did not finish within {_TIMEOUT:.0f} seconds") from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
            raise ExecutionFailed(f"{self.host} could not be set up over SSH: {told}")
        return done.stdout


def prepare_node(ssh: Ssh, make_bundle: Callable[[bytes], Bundle], *, force: bool) -> None:
    """Bring a node its credentials and start its daemon. ``make_bundle`` signs its request.

    Raises WrongState if it runs another version or belongs to a cluster (``force`` makes it forget that).
    """
    options = ["--force"] if force else []
    prepared = msgspec.json.decode(ssh.run(["prepare", *options]), type=Prepared)
    if prepared.version != VERSION:
        raise WrongState(f"{ssh.host} runs version {prepared.version}, this node {VERSION}; install the same version")
    bundle = make_bundle(prepared.request.encode())
    ssh.run(["accept"], msgspec.json.encode(bundle))


def prepare(paths: Paths, *, force: bool) -> Prepared:
    """On the node: make a key, and a request for its certificate."""
    if force:
        leave(paths)
    ensure_free(paths)
    key, request = request_certificate("joining")
    write_atomic(_pending_key(paths), key)
    return Prepared(version=VERSION, request=request.decode())


def accept(paths: Paths, bundle: Bundle, start_daemon: Callable[[], None]) -> None:
    """On the node: keep the credentials and start the daemon."""
    pending = _pending_key(paths)
    if not pending.exists():
        raise WrongState(f"'{SETUP_PROGRAM} prepare' must be run first")
    enter(paths, bundle, pending.read_bytes())
    pending.unlink()
    start_daemon()


def _pending_key(paths: Paths) -> Path:
    return paths.state / "joining.key"
