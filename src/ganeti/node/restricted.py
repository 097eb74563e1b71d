# SPDX-License-Identifier: BSD-2-Clause
"""Commands that a node lets its master run, and no others (Ganeti's design "Executing commands via RPC").

They are what is in a directory that only the node's administrator can make; where there is none, there are none.
Why a command was not run is told in the node's log alone, after a while, so that nobody can find out which there are.
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

# No dot, as in names of hooks: what a package manager or an editor leaves behind is no command.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,100}")
# User and group to whom all of it must belong.
OWNER = (0, 0)
# Seconds that one who asked for what cannot be run is kept, and with him all who ask after him.
PENALTY = 10.0
# Seconds that others may have kept one.
PATIENCE = 40.0
# Seconds that a command gets.
_TIME = 60.0
# Bytes that it may print.
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
        # A link may lead elsewhere: what it leads to is what is looked at, and run.
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
