# SPDX-License-Identifier: BSD-2-Clause
"""A node of a lab, handled from outside like a machine."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ganeti.errors import ExecutionFailed, WrongState
from ganeti.host.process import Finished
from ganeti.lab import environment, network, pidlock
from ganeti.lab.first import UP
from ganeti.lab.member import Member
from ganeti.lab.plan import LabPlan


@dataclass(frozen=True, slots=True)
class Node(Member):
    """A node in namespaces; ``pid`` is its first process."""

    def path(self, path: str) -> Path:
        """A path of the node as the machine can open it, sockets among them."""
        return Path(f"/proc/{self.pid}/root") / path.lstrip("/")

    def socket(self, path: str) -> Path:
        """A socket of this machine that leads to one of the node's."""
        return self.path(path)

    def read(self, path: str) -> str:
        return self.path(path).read_text()

    def write(self, path: str, text: str) -> None:
        self.path(path).write_text(text)

    def boot(self) -> Starting:
        """Switch on; the node keeps what was on its disks. Wait for it with ``Starting.wait``."""
        self.ensure_off()
        fabric = pidlock.holder(self.plan.lock("lab"))
        if fabric is None:
            raise WrongState(f"The lab '{self.plan.name}' is not up")
        within = ("nsenter", "--target", str(fabric), "--mount", "--net", "--pid", "--")
        switch = os.open(f"/proc/{fabric}/ns/net", os.O_RDONLY)
        try:
            return start(self.plan, self.name, *within, namespaces=("--uts", "--ipc"), fabric=switch)
        finally:
            os.close(switch)

    def kill(self) -> None:
        """Cut the power: everything on the node ends at once, and its network cable is dead."""
        pid = self.pid
        fabric = pidlock.holder(self.plan.lock("lab"))
        if fabric is not None:
            network.unplug_node(self.name, fabric)
        end(pid)

    def command(self, *words: str) -> list[str]:
        """A command of this machine that runs a command on the node."""
        namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid")
        return ["nsenter", "--target", str(self.pid), *namespaces, "--", *words]

    def run(self, *words: str, timeout: float = 60, standard_input: str = "") -> Finished:
        """Run a command to its end; a failing status raises nothing.

        Raises ExecutionFailed if it takes more than ``timeout`` seconds.
        """
        try:
            done = subprocess.run(
                self.command(*words),
                input=standard_input,
                env=environment.of_root(),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ExecutionFailed(f"'{' '.join(words)}' on {self.name}: no end within {timeout:.0f} s") from None
        return Finished(words, done.returncode, done.stdout, done.stderr)

    def spawn(self, *words: str, log: str) -> None:
        """Start a background process that runs until the node's end; its output goes to the node's file ``log``."""
        script = 'exec "$@" >>"$0" 2>&1 </dev/null'
        done = self.run("setsid", "--fork", "sh", "-c", script, log, *words)
        if done.failed:
            raise ExecutionFailed(done.why())

    def shell(self, words: list[str]) -> NoReturn:
        """Become a shell on the node, or a command there; its exit status is then this process's."""
        command = self.command(*(words or ["bash", "--rcfile", environment.SHELL_START]))
        variables = environment.of_root() | {"TERM": os.environ.get("TERM", "dumb")}
        os.execvpe(command[0], command, variables)  # noqa: S606


@dataclass(frozen=True, slots=True)
class Starting:
    """The starting first process of a lab or a node; see ``ganeti.lab.first``."""

    plan: LabPlan
    who: str
    report: int  # an open file

    def wait(self) -> None:
        """Until it is up. Raises ExecutionFailed with its own message."""
        with os.fdopen(self.report) as report:
            told = report.readline().strip()
        if told != UP:
            log = self.plan.log(self.who)
            why = told or " ".join(log.read_text(errors="replace").split()[-20:]) or "it ended without output"
            raise ExecutionFailed(f"{self.who} does not start: {why}")


def start(
    plan: LabPlan, who: str, *within: str, namespaces: tuple[str, ...] = (), fabric: int | None = None
) -> Starting:
    """Start the first process of a lab or a node, in namespaces of its own; ``within``: a prefix that enters others."""
    report, write_end = os.pipe()
    keep = (write_end,) if fabric is None else (write_end, fabric)
    command = (
        # setsid forks: what it starts is not a child of this process, and outlives it.
        *(*within, "setsid", "--fork"),
        *("unshare", "--mount", "--net", "--pid", *namespaces, "--fork", "--kill-child=KILL"),
        *(sys.executable, "-P", "-m", "ganeti.lab.first", str(plan.running), who, *map(str, keep)),
    )
    try:
        with plan.log(who).open("wb") as log:
            subprocess.run(
                command,
                check=True,
                pass_fds=keep,
                env=environment.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    finally:
        os.close(write_end)
    return Starting(plan, who, report)


def end(pid: int) -> None:
    """Kill the first process of a PID namespace; returns when no process in there is left."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
        finally:
            os.close(handle)


def node_of(plan: LabPlan, name: str) -> Node:
    """Raises UnknownEntity."""
    return Node(plan, plan.member(name))
