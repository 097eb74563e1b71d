# SPDX-License-Identifier: BSD-2-Clause
"""The first process of a lab, and that of each of its nodes.

Each is process 1 of a PID namespace, the nodes' within the lab's: when it ends, the kernel kills everything
that was ever started in there. ``node.start`` runs this file and reads one line, which this writes to the open file
``report``: ``up``, or an error.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from ganeti.errors import ExecutionFailed, GanetiError
from ganeti.host.paths import Paths
from ganeti.lab import autostart, environment, network, pidlock, root
from ganeti.lab.plan import DOMAIN, TURN, LabPlan, decode
from ganeti.lab.vm import wiring

UP = "up"
_SSH_PATIENCE = 300.0  # seconds; for a hanging server


def start_lab(plan: LabPlan) -> None:
    """The layers of namespace nodes are in memory, and only last as long as the lab."""
    pidlock.hold(plan.lock("lab"))
    if plan.suite:
        pidlock.hold(TURN, wait=True)
        wiring.build_switches()
        return
    plan.layers.mkdir()
    root.mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", plan.layers)
    network.build_switch()


def start_node(plan: LabPlan, node: str, fabric: int) -> None:
    """``fabric``: an open file that is the lab's network namespace."""
    pidlock.hold(plan.lock(node))
    socket.sethostname(node)
    root.enter(root.build(plan, node))
    network.plug_node(plan, node, fabric)
    os.close(fabric)
    start_ssh()
    autostart.start(Paths(), f"{node}.{DOMAIN}", environment.of_root())


def start_ssh() -> None:
    """Returns when it can be connected to. Raises ExecutionFailed."""
    Path("/run/sshd").mkdir()
    server = subprocess.Popen(["/usr/sbin/sshd", "-D"], env=environment.variables())
    deadline = time.monotonic() + _SSH_PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", 22)).close()
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise ExecutionFailed("sshd does not start; see the node's log") from None
            time.sleep(0.005)
        else:
            return


def reap_for_ever() -> NoReturn:
    """The task of process 1: reap orphaned children."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            pass
        signal.sigwait({signal.SIGCHLD})


def main(running: str, who: str, report: str, fabric: str = "") -> int:
    plan = decode((Path(running) / "plan.json").read_text())
    with os.fdopen(int(report), "w") as answer:
        try:
            if fabric:
                start_node(plan, who, int(fabric))
            else:
                start_lab(plan)
        except (GanetiError, OSError) as error:
            answer.write(f"{error}\n")
            return 1
        answer.write(f"{UP}\n")
    reap_for_ever()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
