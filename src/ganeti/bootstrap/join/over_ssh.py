# SPDX-License-Identifier: BSD-2-Clause
"""Setting up a node from the master over ssh, as ``gnt-node add`` always did.

The master runs ``ganeti-node-setup`` on the node: first it checks whether the machine may be set up, creates a
key and returns a certificate request; then it accepts the bundle and starts the node daemon; finally it deletes the
machine's previous state if the cluster has added the node, else restores it. The key never leaves the node.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from ganeti import VERSION
from ganeti.bootstrap.join.switch import Switch, ensure_not_master
from ganeti.errors import EnvironmentUnfit, ExecutionFailed, WrongState
from ganeti.host.certificates import request_certificate
from ganeti.host.files import read_text, write_atomic
from ganeti.host.paths import Paths
from ganeti.host.ssh import Ssh
from ganeti.node.membership import Bundle, belongs_to
from ganeti.rpc.authority import read_term

SETUP_PROGRAM = "ganeti-node-setup"
_TIMEOUT = 120.0  # seconds


class Wanted(Struct, frozen=True, kw_only=True):
    """What the node is told first, to check whether it may be set up.

    ``authority``: the certificate of the cluster's CA, PEM. ``again``: the cluster knows the node already.
    ``force``: it may leave another cluster. ``term``: that of the cluster's present master.
    """

    cluster_name: str
    authority: str
    again: bool = False
    force: bool = False
    term: int = 0


class Prepared(Struct, frozen=True, kw_only=True):
    """What the first run returns."""

    version: str
    request: str


def run_setup(ssh: Ssh, arguments: list[str], standard_input: bytes = b"") -> bytes:
    """The output of the setup program on the node. Raises ExecutionFailed with the message of ssh or the program."""
    # The software is expected where it is on this machine, or in the node's PATH.
    here = Path(sys.executable).parent
    remote = f"PATH={shlex.quote(str(here))}:$PATH {SETUP_PROGRAM} {shlex.join(arguments)}"
    try:
        done = subprocess.run(
            ssh.command(remote), input=standard_input, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except FileNotFoundError:
        raise EnvironmentUnfit(
            "The program 'ssh' is not installed on this machine; install it, or use 'gnt-node invite'"
        ) from None
    except subprocess.TimeoutExpired:
        raise ExecutionFailed(f"ssh to {ssh.host} did not finish within {_TIMEOUT:.0f} seconds") from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise ExecutionFailed(f"{ssh.host} could not be set up over SSH: {told}")
    return done.stdout


class RemoteSetup:
    """The setup of one node over ssh. Until ``complete``, ``undo`` restores the machine."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh

    def begin(self, wanted: Wanted, make_bundle: Callable[[bytes], Bundle]) -> None:
        """Send a node its credentials and start its daemon. ``make_bundle`` signs its request.

        Raises ExecutionFailed with the node's reasons; then nothing has changed there.
        """
        answer = run_setup(self._ssh, ["prepare"], msgspec.json.encode(wanted))
        prepared = msgspec.json.decode(answer, type=Prepared)
        if prepared.version != VERSION:
            raise WrongState(
                f"{self._ssh.host} runs version {prepared.version}, this node {VERSION}; install the same version"
            )
        bundle = make_bundle(prepared.request.encode())
        run_setup(self._ssh, ["accept"], msgspec.json.encode(bundle))

    def complete(self) -> None:
        run_setup(self._ssh, ["complete"])

    def undo(self) -> None:
        run_setup(self._ssh, ["undo"])


def prepare(paths: Paths, switch: Switch, wanted: Wanted, guests: Callable[[], list[str]]) -> Prepared:
    """On the node: create a key and a certificate request, if the machine can become a node.

    ``guests`` finds the names of the guests that run here.
    """
    switch.undo()  # of an earlier join that was not completed
    _ensure_may_join(paths, wanted, guests)
    key, request = request_certificate("joining")
    write_atomic(_pending_key(paths), key)
    return Prepared(version=VERSION, request=request.decode())


def accept(paths: Paths, switch: Switch, bundle: Bundle) -> None:
    """On the node: store the credentials and start the daemon."""
    pending = _pending_key(paths)
    if not pending.exists():
        raise WrongState(f"'{SETUP_PROGRAM} prepare' must be run first")
    switch.begin(bundle, pending.read_bytes())
    pending.unlink()


def _ensure_may_join(paths: Paths, wanted: Wanted, guests: Callable[[], list[str]]) -> None:
    """Raise WrongState with all reasons against it."""
    cluster = belongs_to(paths)
    if cluster is None:
        return
    term = read_term(paths.term)
    # A node that was off may have missed a renewal of keys, or a failover.
    returns = wanted.again and cluster == wanted.cluster_name
    if not (returns and term is not None and term.number < wanted.term):
        ensure_not_master(paths, cluster, wanted.term if returns else None)
    if returns or read_text(paths.ca_certificate) == wanted.authority.strip():
        if not wanted.again:
            raise WrongState(
                f"This machine has the credentials of the cluster '{cluster}' already; --readd renews them"
            )
        return
    if not wanted.force:
        raise WrongState(
            f"This machine belongs to another cluster, '{cluster}'; remove it there with 'gnt-node remove', or, "
            "if that cluster is gone, add it with --force-join"
        )
    if running := guests():
        raise WrongState(
            f"This machine runs instances of another cluster, '{cluster}': {', '.join(running)}; stop them first"
        )


def _pending_key(paths: Paths) -> Path:
    return paths.state / "joining.key"
