# SPDX-License-Identifier: BSD-2-Clause
"""A node that is a virtual machine, handled from outside."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ganeti.errors import ExecutionFailed, WrongState
from ganeti.host.process import Finished
from ganeti.lab import environment, pidlock
from ganeti.lab.member import Member
from ganeti.lab.node import end
from ganeti.lab.plan import LabPlan
from ganeti.lab.vm import identity, wiring
from ganeti.lab.vm.image import Image
from ganeti.lab.vm.qmp import Qmp

_BOOT = 600.0  # maximum seconds for a node to become reachable; an idle machine needs half a minute
_ATTEMPT = 60  # seconds for one attempt to reach it, key exchange included
_POLL = 0.2
_LOST = 255  # the exit status of ssh(1) if it is ssh that failed


@dataclass(frozen=True, slots=True)
class Machine(Member):
    """A node with a kernel of its own; ``pid`` is its QEMU. It may be on and not yet ``reachable``."""

    image: Image

    @property
    def secondary_address(self) -> str:
        return str(wiring.SECONDARY.address(self.plan, self.name))

    @property
    def _session(self) -> Path:
        """The socket of the connection that all commands share."""
        return self.plan.running / f"{self.name}.ssh"

    @property
    def _monitor(self) -> Path:
        return self.plan.running / f"{self.name}.qmp"

    def qmp(self) -> Qmp:
        """A connection to its QEMU."""
        return Qmp(self._monitor)

    def boot(self, state: Path | None = None) -> Machine:
        """Switch on; the node keeps what was on its disks. Wait for it with ``wait``.

        ``state``: a saved one to resume from.
        """
        self.ensure_off()
        (self.plan.running / f"{self.name}.initrd").write_bytes(identity.initrd(self.plan, self.name, self.image))
        self._monitor.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as monitor, self.plan.log(self.name).open("wb") as log:
            monitor.bind(str(self._monitor))
            monitor.listen(1)
            words = (str(self.plan.running), self.name, str(self.image.directory), str(monitor.fileno()))
            subprocess.run(
                [
                    *(*_within(self.plan, "--net", "--pid"), "setsid", "--fork"),
                    *(sys.executable, "-P", "-m", "ganeti.lab.vm.power", *words, *([str(state)] if state else [])),
                ],
                check=True,
                pass_fds=(monitor.fileno(),),
                env=environment.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            with self.qmp() as qmp:
                if state:
                    qmp.await_restored()
        except ExecutionFailed as failed:
            told = " ".join(self.plan.log(self.name).read_text(errors="replace").split()[-30:])
            raise ExecutionFailed(f"{self.name} does not start: {told or failed.message}") from None
        return self

    def wait(self, patience: float = _BOOT) -> None:
        """Until its services are started. Raises ExecutionFailed after ``patience`` seconds, or if it ends."""
        deadline = time.monotonic() + patience
        while not self.reachable and not self._connect():
            if not self.up:
                raise ExecutionFailed(f"{self.name} switched itself off; see {self.plan.running / self.name}.console")
            if time.monotonic() > deadline:
                raise ExecutionFailed(f"{self.name} was not to be reached within {patience:.0f} s")
            time.sleep(_POLL)
        self.run("systemctl", "is-system-running", "--wait", timeout=patience)  # not all need have succeeded

    @property
    def reachable(self) -> bool:
        return self._ask_session("check")

    def _connect(self) -> bool:
        """One attempt. The connection is kept by a process in the lab's namespaces, and ends with it."""
        address = wiring.MANAGEMENT.address(self.plan, self.name)
        for left in (self._session, *self.plan.running.glob(f"{self.name}-*")):  # left by a closed connection
            left.unlink(missing_ok=True)
        with self.plan.log(f"{self.name}.ssh").open("wb") as log:
            done = subprocess.run(
                [
                    *(*_within(self.plan, "--net", "--pid"), "ssh", "-F", "none", "-i", str(self.plan.keys / "root")),
                    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"),
                    # The post-quantum half of the default takes seconds on an emulated processor.
                    *("-o", "KexAlgorithms=curve25519-sha256", "-o", f"ConnectTimeout={_ATTEMPT}"),
                    *("-o", "StreamLocalBindUnlink=yes"),
                    *("-M", "-S", str(self._session), "-N", "-f", f"root@{address}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        return done.returncode == 0

    def _ask_session(self, *request: str) -> bool:
        command = [*self._ssh(), "-O", *request, "root@node"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _ssh(self) -> tuple[str, ...]:
        """Through the existing connection; fails without one."""
        return ("ssh", "-F", "none", "-S", str(self._session), "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR")

    def command(self, *words: str, terminal: bool = False) -> list[str]:
        """A command of this machine that runs a command on the node."""
        return [*self._ssh(), *(["-t"] if terminal else []), "root@node", "--", shlex.join(words)]

    def run(self, *words: str, timeout: float = 120, standard_input: str | bytes = "") -> Finished:
        """Run a command to its end; a failing status raises nothing.

        Raises ExecutionFailed if it takes more than ``timeout`` seconds or the node is unreachable.
        """
        given = standard_input.encode() if isinstance(standard_input, str) else standard_input
        try:
            done = subprocess.run(self.command(*words), input=given, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise ExecutionFailed(f"'{shlex.join(words)}' on {self.name}: no end within {timeout:.0f} s") from None
        if done.returncode == _LOST and not self.reachable:
            raise ExecutionFailed(f"{self.name} is not to be reached: it is off, or starting ('wait' waits for it)")
        output, errors = (told.decode(errors="replace") for told in (done.stdout, done.stderr))
        return Finished(words, done.returncode, output, errors)

    def script(self, text: str, timeout: float = 120) -> str:
        """The output of lines of shell, which stop at the first failure: one round trip for any number.

        Raises ExecutionFailed with the last output.
        """
        done = self.run("bash", "-euo", "pipefail", "-s", timeout=timeout, standard_input=text)
        if done.failed:
            raise ExecutionFailed(f"on {self.name}: {done.why()}")
        return done.output

    def read(self, path: str) -> str:
        return self.script(f"cat {shlex.quote(path)}")

    def write(self, path: str, text: str) -> None:
        done = self.run("sh", "-c", 'cat >"$0"', path, standard_input=text)
        if done.failed:
            raise ExecutionFailed(f"on {self.name}: {done.why()}")

    def socket(self, path: str) -> Path:
        """A socket of this machine that leads to one of the node's."""
        local = self.plan.running / f"{self.name}-{path.replace('/', '-')[-40:]}"
        if not local.exists() and not self._ask_session("forward", "-L", f"{local}:{path}"):
            raise ExecutionFailed(f"{self.name} is not to be reached: no way to {path}")
        return local

    def spawn(self, *words: str, log: str) -> None:
        """Start a background process that runs until the node's end; its output goes to the node's file ``log``."""
        done = self.run("setsid", "--fork", "sh", "-c", 'exec "$@" >>"$0" 2>&1 </dev/null', log, *words)
        if done.failed:
            raise ExecutionFailed(done.why())

    def shell(self, words: list[str]) -> NoReturn:
        """Become a shell on the node, or a command there; its exit status is then this process's."""
        command = self.command(*(words or ["bash", "--login"]), terminal=sys.stdin.isatty())
        os.execvp(command[0], command)  # noqa: S606

    def kill(self) -> None:
        """Cut the power: everything on the node ends at once; what it had not synced is lost."""
        end(self.pid)
        self._ask_session("exit")

    def cut(self, *cables: wiring.Cable) -> None:
        """Cut these networks, by default all except the one for access: packets are lost silently."""
        self._switch(cables, "down")

    def mend(self, *cables: wiring.Cable) -> None:
        self._switch(cables, "up")

    def _switch(self, cables: tuple[wiring.Cable, ...], state: str) -> None:
        wiring.switch(self.name, cables or (wiring.CLUSTER, wiring.SECONDARY), _fabric(self.plan), state)


def machine_of(plan: LabPlan, image: Image, name: str) -> Machine:
    """Raises UnknownEntity."""
    return Machine(plan, plan.member(name), image)


def each(machines: Iterable[Machine], do: Callable[[Machine], object]) -> None:
    """On all concurrently. Raises the first error when all have ended."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(do, machines))


def _fabric(plan: LabPlan) -> int:
    """The first process of the lab."""
    pid = pidlock.holder(plan.lock("lab"))
    if pid is None:
        raise WrongState(f"The lab '{plan.name}' is not up")
    return pid


def _within(plan: LabPlan, *namespaces: str) -> tuple[str, ...]:
    return ("nsenter", "--target", str(_fabric(plan)), *namespaces, "--")
