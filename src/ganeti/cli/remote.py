# SPDX-License-Identifier: BSD-2-Clause
"""Commands and copies of files on several nodes at once, by the administrator's ssh (decision 5)."""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from ganeti.cli.chosen_nodes import Reached
from ganeti.errors import GanetiError
from ganeti.host.process import Finished, run
from ganeti.host.reasons import reason
from ganeti.host.ssh import Ssh

R = TypeVar("R")

# Number of nodes handled concurrently.
AT_ONCE = 16
# Timeout of a command or a copy on a node, seconds.
LONGEST = 86400.0
# Maximum output of a command on a node, bytes.
MOST_PRINTED = 16 * 1024**2
# Arguments: path, size, owner, mode and time; the content is on standard input.
_TAKE = """\
umask 077
new=$(mktemp -- "$(dirname -- "$1")/.copyfile.XXXXXXXX") || exit
trap 'rm -f -- "$new"' EXIT
cat >"$new" || exit
[ "$(stat -c %s -- "$new")" = "$2" ] || { echo 'it did not come through whole' >&2; exit 1; }
chown -- "$3" "$new" && chmod -- "$4" "$new" && touch -d "$5" -- "$new" && mv -fT -- "$new" "$1"
"""
_FAILED = 255  # exit status of ssh for failures before the command runs


async def run_everywhere(nodes: Sequence[Reached], command: str, told: Callable[[Reached, Finished], None]) -> None:
    """``told`` is called in the order of the nodes, for each as soon as it and those before it have ended.

    The master is last, when all others have ended: the command might kill this process.
    """
    for turn in (False, True):
        here = [node for node in nodes if node.is_master is turn]
        async with aclosing(_each(here, lambda node: _run(node, command))) as finished:
            async for node, done in finished:
                told(node, done)


async def _run(node: Reached, command: str) -> Finished:
    """On the master, which is this machine, as ssh would run it."""
    here = (pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh", "-c", command)
    words = here if node.is_master else _ssh(node).command(command)
    home = Path.home() if node.is_master else None
    try:
        return await run(*words, timeout=LONGEST, most=MOST_PRINTED, environment=os.environ, directory=home)
    except GanetiError as error:
        return Finished(tuple(words), _FAILED, "", f"{error.message}\n")


async def copy_everywhere(
    nodes: Sequence[Reached], path: Path, *, apart: bool, told: Callable[[Reached, str], None]
) -> None:
    """Copy a file from here to nodes. ``apart``: over their secondary addresses. ``told``: why it failed.

    Raises OSError if it does not exist here.
    """
    script = taking(path, path.stat())
    async with aclosing(_each(nodes, lambda node: _copy(node, path, script, apart=apart))) as finished:
        async for node, problem in finished:
            if problem:
                told(node, problem)


async def _copy(node: Reached, path: Path, script: str, *, apart: bool) -> str:
    """Why it failed; empty if it did not."""
    words = _ssh(node, node.secondary if apart else "").command(script)
    try:
        with path.open("rb") as content:
            done = await run(*words, timeout=LONGEST, most=MOST_PRINTED, environment=os.environ, standard_input=content)
    except (GanetiError, OSError) as error:
        return error.message if isinstance(error, GanetiError) else reason(error)
    told = (done.errors.strip() or done.output.strip()).splitlines()[-3:]
    return ("; ".join(told) or f"status {done.status}") if done.failed else ""


def taking(path: Path, status: os.stat_result) -> str:
    """The shell command that stores the content if it is complete, with the owner, mode and time of the file.

    It atomically replaces an existing file.
    """
    owner, mode = f"{path.owner()}:{path.group()}", f"{status.st_mode & 0o7777:o}"
    words = (str(path), str(status.st_size), owner, mode, f"@{status.st_mtime:.6f}")
    return shlex.join(["sh", "-c", _TAKE, "copyfile", *words])


def _ssh(node: Reached, address: str = "") -> Ssh:
    """Without password prompts, since several run concurrently."""
    return Ssh(node.name, node.port, address=address, asks=False, known=node.known)


async def _each(
    nodes: Sequence[Reached], work: Callable[[Reached], Awaitable[R]]
) -> AsyncGenerator[tuple[Reached, R], None]:
    """The results of work on each node, in order; several are handled concurrently."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(node: Reached) -> R:
        async with turns:
            return await work(node)

    tasks = [asyncio.create_task(one(node)) for node in nodes]
    try:
        for node, task in zip(nodes, tasks, strict=True):
            yield node, await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
