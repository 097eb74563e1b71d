# SPDX-License-Identifier: BSD-2-Clause
"""The commands that a node allows its master to run (Ganeti's design "Executing commands via RPC").

They are the files in a directory that only the node's administrator can create; by default there is none. Why a
command was not run is only written to the node's log, after a delay, so that nobody can find out which ones exist.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from pathlib import Path

from ganeti.errors import ExecutionFailed, GanetiError, WrongState
from ganeti.host.paths import Paths
from ganeti.host.process import run
from ganeti.rpc.contract.restricted import RunRestricted
from ganeti.rpc.server import Report

_log = logging.getLogger(__name__)

# No dot, as in names of hooks: leftovers of a package manager or an editor are not commands.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,100}")
# User and group that must own all of it.
OWNER = (0, 0)
# Seconds by which the answer to a refused request is delayed, and later requests with it.
PENALTY = 10.0
# Maximum seconds of waiting behind such delays.
PATIENCE = 40.0
# Timeout of a command, seconds.
_TIME = 60.0
# Maximum output, bytes.
MOST_PRINTED = 1024**2
_MORE_THAN_755 = 0o7022
_REFUSED = "The command cannot be run; the reason is in the log of the node daemon there"


class RestrictedCommands:
    """The handler of ``rpc/contract/restricted.py``."""

    def __init__(self, paths: Paths) -> None:
        self._directory = paths.restricted_commands
        self._lock = asyncio.Lock()

    async def run(self, call: RunRestricted, report: Report) -> str:
        del report
        program = await self._found(call.command)
        _log.info("Running the restricted command '%s'", call.command)
        try:
            done = await run(program, timeout=_TIME, most=MOST_PRINTED)
        except GanetiError as error:
            raise ExecutionFailed(error.message.replace(str(program), call.command)) from None
        if done.failed:
            said = f"'{call.command}' ended with {done.ended}: {done.output}{done.errors}"
            raise ExecutionFailed(said.rstrip(": \n"))
        return done.output + done.errors

    async def _found(self, name: str) -> Path:
        try:
            async with asyncio.timeout(PATIENCE), self._lock:
                try:
                    return self._checked(name)
                except (GanetiError, OSError) as error:
                    _log.warning("A restricted command is refused: %s", error)
                    await asyncio.sleep(PENALTY)
        except TimeoutError:
            _log.warning("A restricted command is refused: too many are asked for that cannot be run")
        raise ExecutionFailed(_REFUSED)

    def _checked(self, name: str) -> Path:
        """The command's file. Raises WrongState or OSError."""
        if not _NAME.fullmatch(name):
            raise WrongState("what is asked for cannot be the name of a command")
        if not self._directory.is_dir() or self._directory.is_symlink():
            raise WrongState(f"there is no directory {self._directory}, so there are none on this node")
        # A link may lead elsewhere: its target is what is checked, and run.
        program = (self._directory / name).resolve(strict=True)
        if not program.is_file():
            raise WrongState(f"{program} is not a file")
        for path in (self._directory, program):
            _ensure_unchanged_by_others(path)
        if not os.access(program, os.X_OK):
            raise WrongState(f"{program} is not executable")
        return program


def _ensure_unchanged_by_others(path: Path) -> None:
    found = path.stat()
    if (found.st_uid, found.st_gid) != OWNER:
        raise WrongState(f"{path} does not belong to root:root")
    if found.st_mode & _MORE_THAN_755:
        raise WrongState(f"{path} has mode {found.st_mode & 0o7777:o}; it may have 755 or less")
