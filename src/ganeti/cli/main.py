# SPDX-License-Identifier: BSD-2-Clause
"""Where every ``gnt-*`` script begins. Light: until the command itself is loaded, Ctrl-C simply ends it."""

from __future__ import annotations

import os
import signal
import sys


def _begin(script: str) -> int:
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_streams()
    from ganeti.cli.script import run  # noqa: PLC0415 - see above

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run(script, sys.argv[1:])


def _open_streams() -> None:
    """Let there be standard streams though the caller has closed them (``>&-``), that take any character."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115 - as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - likewise
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a real file


def gnt_cluster() -> int:
    return _begin("gnt-cluster")


def gnt_node() -> int:
    return _begin("gnt-node")


def gnt_instance() -> int:
    return _begin("gnt-instance")


def gnt_group() -> int:
    return _begin("gnt-group")


def gnt_os() -> int:
    return _begin("gnt-os")


def gnt_storage() -> int:
    return _begin("gnt-storage")


def gnt_job() -> int:
    return _begin("gnt-job")


def gnt_debug() -> int:
    return _begin("gnt-debug")
