# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-instance exec``: a command in a guest, its output and its exit status."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import termios
from typing import Any, TextIO

from ganeti.cli import follow
from ganeti.cli.runnable import Local
from ganeti.cli.session import Session
from ganeti.declare.command import Argument, Command, Option
from ganeti.errors import EXIT_FAILURE
from ganeti.model.timing import IN_GUEST

_BY_SIGNAL = 128  # plus its number, as shells have it


def _exec(session: Session, values: dict[str, Any]) -> int:
    first, *rest = values["command"]
    asked = {"instance_name": values["instance_name"], "command": rest if first == "--" else [first, *rest]}
    if values.get("timeout") is not None:
        asked["timeout"] = values["timeout"]
    if _is_given(sys.stdin):
        session.warn("Standard input is not passed to the command")
    results = follow.run(session, "OP_INSTANCE_EXEC", asked)
    if results is None:
        return 0
    return told(session, results[0])


def told(session: Session, done: dict[str, Any]) -> int:
    """Show what a command has written, the result of OP_INSTANCE_EXEC; its exit status, as shells have it."""
    _write(sys.stdout, done["stdout"])
    _write(sys.stderr, done["stderr"])
    if done["cut"]:
        session.warn("The command has written more than is shown")
    if done["signal"]:
        session.warn(f"The command was killed by signal {done['signal']}")
        return _BY_SIGNAL + int(done["signal"])
    return EXIT_FAILURE if done["status"] is None else int(done["status"]) & 0xFF


def _is_given(stream: TextIO | None) -> bool:
    """Whether a file or a pipe is there to be read, and holds something by now; nothing is read."""
    if stream is None:
        return False
    try:
        about = os.fstat(stream.fileno())
        if stat.S_ISREG(about.st_mode):
            return about.st_size > os.lseek(stream.fileno(), 0, os.SEEK_CUR)
        if not (stat.S_ISFIFO(about.st_mode) or stat.S_ISSOCK(about.st_mode)):
            return False
        waiting = fcntl.ioctl(stream.fileno(), termios.FIONREAD, bytes(4))
        return int.from_bytes(waiting, sys.byteorder) > 0
    except (OSError, ValueError):  # closed, or nothing of the operating system's
        return False


def _write(stream: TextIO, text: str) -> None:
    """As it is, but on a terminal without anything that it would obey: guests are not to be trusted."""
    if stream.isatty():
        text = "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
    stream.write(text)
    stream.flush()


EXEC = Local(
    Command(
        "gnt-instance",
        "exec",
        (
            Argument("instance_name", "Name of the instance", completes="instance"),
            Argument("command", "Program in the guest, with its own options and arguments", "+"),
        ),
        (
            Option(
                ("--timeout",),
                f"Seconds to wait for the end of the command (default {IN_GUEST})",
                kind="int",
                metavar="SECONDS",
            ),
        ),
        usage="[--timeout=SECONDS] <instance> [--] <command>",
        runs=True,
    ),
    "Run a command in a guest, by its QEMU guest agent. It ends with the command's exit status.",
    _exec,
    job=True,
)
