# SPDX-License-Identifier: BSD-2-Clause
"""Starting and stopping the daemons of this machine: by systemd where it runs, directly where it doesn't."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host.daemons import Daemon
from ganeti.host.files import make_private
from ganeti.host.paths import ROOT_VARIABLE, Paths
from ganeti.host.process import alive, tail
from ganeti.host.versions import Versions

_log = logging.getLogger(__name__)

_START = 60.0  # seconds
_STOP = 60.0
_POLL = 0.02
_ALL = "ganeti.target"  # the unit that stops and starts all of them together, if it was started itself


class Services(Protocol):
    def start(self, daemon: Daemon) -> None:
        """Start and enable a daemon, and return when it is ready. Raises ExecutionFailed."""
        ...

    def stop(self, daemon: Daemon) -> None:
        """Stop and disable a daemon; one that isn't running is fine."""
        ...

    def leave_off(self, daemon: Daemon) -> None:
        """Disable a daemon without stopping it."""
        ...

    def running(self, daemon: Daemon) -> bool: ...

    def restart_soon(self, daemons: Sequence[Daemon]) -> None:
        """Restart those that are running, in this order, without waiting; the caller may be one of them."""
        ...


def services(paths: Paths) -> Services:
    """The implementation for this machine."""
    systemd = Path("/run/systemd/system").is_dir() and paths.root == Path("/")
    return Systemd() if systemd else Detached(paths)


class Systemd:
    """Units are installed with the software."""

    def start(self, daemon: Daemon) -> None:
        done = _systemctl("enable", "--now", _ALL, daemon)
        if done.returncode:
            raise ExecutionFailed(f"{daemon} did not start: {done.stderr.strip()}; see 'journalctl -u {daemon}'")

    def stop(self, daemon: Daemon) -> None:
        _told(_systemctl("disable", "--now", daemon))

    def leave_off(self, daemon: Daemon) -> None:
        _told(_systemctl("disable", daemon))

    def running(self, daemon: Daemon) -> bool:
        return _systemctl("is-active", "--quiet", daemon).returncode == 0

    def restart_soon(self, daemons: Sequence[Daemon]) -> None:
        for daemon in daemons:
            _told(_systemctl("try-restart", "--no-block", daemon))


class Detached:
    """Daemons are sessions of their own, found by their PID files.

    Readiness is reported as for systemd: by a datagram "READY=1" to a socket (sd_notify(3)).
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def start(self, daemon: Daemon) -> None:
        if self.running(daemon):
            return
        program = _program(daemon, Versions(self._paths))
        self._paths.log.mkdir(parents=True, exist_ok=True)
        log = self._paths.log_file(daemon)
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            address = f"{directory}/notify"
            notify.bind(address)
            environment = os.environ | {"NOTIFY_SOCKET": address, ROOT_VARIABLE: str(self._paths.root)}
            output_file = log.with_suffix(".out")
            make_private(output_file)
            with output_file.open("ab") as output:
                process = subprocess.Popen(
                    program,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env=environment,
                )
            self._await_ready(daemon, process, notify)

    def stop(self, daemon: Daemon) -> None:
        pid = self._pid(daemon)
        if pid is None:
            return
        _end(pid, daemon)
        self._paths.pid_file(daemon).unlink(missing_ok=True)

    def leave_off(self, daemon: Daemon) -> None:
        """Nothing to do: without systemd, the node's files determine what is started at boot."""

    def running(self, daemon: Daemon) -> bool:
        return self._pid(daemon) is not None

    def restart_soon(self, daemons: Sequence[Daemon]) -> None:
        """Uses a process that outlives the caller (``ganeti.host.restarting``)."""
        subprocess.Popen(
            [sys.executable, "-P", "-m", "ganeti.host.restarting", *daemons],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {ROOT_VARIABLE: str(self._paths.root)},
        )

    def _pid(self, daemon: Daemon) -> int | None:
        """The PID of a running daemon. The process must have its command line, since PIDs are reused."""
        try:
            pid = int(self._paths.pid_file(daemon).read_text())
        except (OSError, ValueError):
            return None
        return pid if alive(pid) and daemon in _command_line(pid) else None

    def _await_ready(self, daemon: Daemon, process: subprocess.Popen[bytes], notify: socket.socket) -> None:
        deadline = time.monotonic() + _START
        notify.settimeout(_POLL)
        while time.monotonic() < deadline:
            with suppress(TimeoutError):
                if b"READY=1" in notify.recv(4096):
                    return
            if process.poll() is not None:
                told = tail(self._paths.log_file(daemon).with_suffix(".out"))
                raise ExecutionFailed(f"{daemon} did not start: {told or f'status {process.returncode}'}")
        process.kill()
        raise ExecutionFailed(f"{daemon} was not ready after {_START:.0f} seconds; see {self._paths.log_file(daemon)}")


def _end(pid: int, daemon: Daemon) -> None:
    """Send SIGTERM, then SIGKILL if necessary."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP
    while daemon in _command_line(pid):
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)
    with suppress(ChildProcessError):  # or else one that this process has started stays in lists
        os.waitpid(pid, 0)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _program(daemon: Daemon, versions: Versions) -> list[str]:
    """The daemon of the running software; with several installed versions, that of the one in use."""
    installed = Path(sys.prefix).parent == versions.directory
    beside = (versions.directory / "bin" if installed else Path(sys.executable).parent) / daemon
    found = str(beside) if beside.exists() else shutil.which(daemon)
    if not found:
        raise EnvironmentUnfit(f"The program '{daemon}' is not installed on this machine")
    return [found]


def _told(done: subprocess.CompletedProcess[str]) -> None:
    """Log failures of systemd: a daemon that was not disabled starts at the next boot."""
    if done.returncode:
        _log.error("'%s' failed: %s", " ".join(done.args), done.stderr.strip())


def _systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
