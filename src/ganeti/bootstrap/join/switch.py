# SPDX-License-Identifier: BSD-2-Clause
"""Turning this machine into a node of a cluster, so that it can be turned back.

Its files about any previous cluster are backed up until the join is complete. A join that fails, or is never
completed, leaves the machine as it was.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from ganeti.errors import ExecutionFailed, WrongState
from ganeti.host.certificates import node_name
from ganeti.host.daemons import MASTER_DAEMONS, NODE_DAEMONS, Daemon
from ganeti.host.paths import Paths
from ganeti.host.services import Services
from ganeti.node.mastership import step_down
from ganeti.node.membership import Bundle, enter, finish_leaving, kept_files
from ganeti.rpc.authority import read_term

# Markers in the backup directory: the daemon has to be started again; the backup is complete.
_RAN, _WHOLE = "node-daemon-ran", "whole"


def ensure_not_master(paths: Paths, cluster: str, theirs: int | None = None) -> None:
    """Raise WrongState if this machine is the master of its cluster.

    ``theirs``: the term of another master of the same cluster, which wants it as a node.
    """
    term = read_term(paths.term)
    if not term or term.master != node_name(paths.node_certificate.read_bytes()):
        return
    if theirs is None:
        advice = "make another node the master there, or end that cluster with 'gnt-cluster destroy'"
    else:
        advice = (
            f"its term is {term.number}, that of the master that adds it {theirs}. If this one is not to be the "
            "master, begin a newer term on the other with 'gnt-cluster master-failover --no-voting', and add this again"
        )
    raise WrongState(f"This machine is the master of the cluster '{cluster}', as far as it knows; {advice}")


class Switch:
    """For one machine. ``undo`` also works for a switch that an earlier process has begun."""

    def __init__(self, paths: Paths, services: Services) -> None:
        self._paths = paths
        self._services = services
        self._aside = paths.state / "before-joining"

    @property
    def begun(self) -> bool:
        return self._aside.exists()

    def begin(self, bundle: Bundle, key: bytes) -> None:
        """Become a node of the bundle's cluster, with the node daemon running. On any failure it is undone."""
        self._keep_aside()
        try:
            enter(self._paths, bundle, key)
            self._start()
        except BaseException:
            self.undo()
            raise

    def complete(self) -> None:
        """The node was added: delete the backup."""
        shutil.rmtree(self._aside, ignore_errors=True)

    def undo(self) -> None:
        """Restore the machine to its state before ``begin``; without one, nothing happens."""
        if not self.begun:
            return
        self._stop()
        if (self._aside / _WHOLE).exists():  # otherwise some of the old files are still in place
            for path in kept_files(self._paths):
                path.unlink()
            (self._aside / _WHOLE).unlink()
        ran = (self._aside / _RAN).exists()
        _move(self._files_aside(), self._aside, self._paths.state)
        shutil.rmtree(self._aside)
        if ran:
            self._start()

    def _start(self) -> None:
        for daemon in NODE_DAEMONS:
            self._services.start(daemon)

    def _stop(self) -> None:
        for daemon in reversed(NODE_DAEMONS):
            self._services.stop(daemon)

    def _keep_aside(self) -> None:
        ran = self._services.running(Daemon.NODE)
        try:
            self._aside.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise ExecutionFailed(
                f"An earlier join was not completed; {self._aside} has what was there before"
            ) from None
        if ran:
            (self._aside / _RAN).touch(0o600)
        # A running daemon would continue with the old certificate, and write to deleted files; a master's daemons
        # still run if it has not learned of its replacement yet.
        if any(self._services.running(daemon) for daemon in MASTER_DAEMONS):
            asyncio.run(step_down(self._paths, self._services))
        self._stop()
        finish_leaving(self._paths)
        _move(kept_files(self._paths), self._paths.state, self._aside)
        (self._aside / _WHOLE).touch(0o600)

    def _files_aside(self) -> list[Path]:
        return [path for path in self._aside.rglob("*") if path.is_file() and path.name not in (_RAN, _WHOLE)]


def _move(files: Iterable[Path], source: Path, target: Path) -> None:
    for path in list(files):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.rename(place)
