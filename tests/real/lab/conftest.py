# SPDX-License-Identifier: BSD-2-Clause
import os
import select
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.lab import guest, lab
from ganeti.lab.console import Console


@pytest.fixture(scope="session", autouse=True)
def _fit_machine():
    try:
        lab.check_machine()
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


@pytest.fixture(scope="session")
def provider():
    """The tiny guest, ready to be booted."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("QEMU is not installed (qemu-system-x86)")
    try:
        return guest.build(guest.CACHE)
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


class Qemu:
    """A machine in QEMU's own emulation, which works wherever QEMU does."""

    def __init__(self, directory: Path, *options: str) -> None:
        self._directory = directory
        for name in ("serial", "monitor", "pid"):
            (directory / name).unlink(missing_ok=True)
        serial = f"unix:{directory / 'serial'},server=on,wait=off"
        monitor = f"unix:{directory / 'monitor'},server=on,wait=off"
        subprocess.run(
            [
                *("qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "96", "-nodefaults", "-no-reboot"),
                *("-display", "none", "-serial", serial, "-monitor", monitor, "-device", "pvpanic-pci"),
                # When this command ends, QEMU goes on in the background and its sockets can be connected to.
                *("-daemonize", "-pidfile", str(directory / "pid"), *options),
            ],
            check=True,
            timeout=300,
        )
        self._process = os.pidfd_open(int((directory / "pid").read_text()))

    def console(self) -> Console:
        return Console(self._directory / "serial")

    def press_power_button(self) -> None:
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._directory / "monitor"))
            monitor.sendall(b"system_powerdown\n")
            told = b""
            while told.count(b"(qemu) ") < 2:  # it asks for the next command when it has carried out the first
                told += monitor.recv(4096)

    def ends_within(self, seconds: float) -> bool:
        return bool(select.select([self._process], [], [], seconds)[0])

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        self.ends_within(10)


@pytest.fixture
def qemu(tmp_path):
    """Starts machines; none of them outlives the test."""
    started = []

    def start(*options: str) -> Qemu:
        started.append(Qemu(tmp_path, *options))
        return started[-1]

    yield start
    for machine in started:
        machine.kill()
