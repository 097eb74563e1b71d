# SPDX-License-Identifier: BSD-2-Clause
"""Commands that do not end."""

import asyncio
import shutil

import pytest
import uvloop

from ganeti.errors import ExecutionFailed
from ganeti.host import process


class Kept:
    """A process in a read of a disk that hangs: not even SIGKILL ends it."""

    pid = 2**22 + 1  # no process has that
    returncode = None

    stdin = None

    async def communicate(self):
        await asyncio.Event().wait()

    async def wait(self):
        await asyncio.Event().wait()


async def test_a_command_that_takes_too_long_is_killed_with_what_it_started():
    with pytest.raises(ExecutionFailed, match=r"'sh .*' did not finish within 0 seconds"):
        await process.run("sh", "-c", "sleep 3600 & wait", timeout=0.1)


def test_one_that_does_not_read_what_it_is_given_tells_why_itself():
    """As daemons run it: uvloop's pipes fail in another way."""

    async def ended():
        return [await process.run("sh", "-c", "echo no; exit 3", standard_input=b"x" * 10**6) for _ in range(20)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert {(one.status, one.output) for one in runner.run(ended())} == {(3, "no\n")}


async def test_one_that_not_even_a_kill_ends_is_told_all_the_same(monkeypatch):
    async def start(*command, **more):
        return Kept()

    monkeypatch.setattr(process, "_KILLED", 0.1)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    with pytest.raises(ExecutionFailed, match="'lvcreate' did not finish"):
        await process.run("lvcreate", timeout=0.1)


@pytest.mark.skipif(not shutil.which("lvs"), reason="LVM is not installed")
async def test_lvm_says_nothing_of_what_else_is_open():
    """Its warnings would stand before what went wrong."""
    done = await process.run("sh", "-c", "exec 9</dev/null; exec lvs --version")
    assert "leaked" not in done.errors
