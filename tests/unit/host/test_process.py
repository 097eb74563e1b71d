# SPDX-License-Identifier: BSD-2-Clause
"""Commands that do not end."""

import asyncio
import shutil

import pytest
import uvloop

from ganeti.errors import EnvironmentUnfit, ExecutionFailed
from ganeti.host import process


class Kept:
    """A process in a read of a disk that hangs: not even SIGKILL ends it."""

    pid = 2**22 + 1  # no process has that
    returncode = None

    stdin = stdout = stderr = None

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


async def test_a_command_that_prints_without_end_is_killed_when_it_has_printed_enough():
    with pytest.raises(ExecutionFailed, match="'yes' printed more than 1000 bytes, and was killed"):
        await process.run("yes", timeout=60, most=1000, standard_input=b"is not read")
    with pytest.raises(ExecutionFailed, match="printed more than 1000 bytes"):
        await process.run("sh", "-c", "yes >&2", timeout=60, most=1000)


async def test_up_to_the_limit_it_is_kept_with_its_errors():
    done = await process.run("sh", "-c", "printf %1000d 1; printf %1000d 2 >&2; exit 3", timeout=60, most=1000)
    assert (len(done.output), len(done.errors), done.status) == (1000, 1000, 3)


async def test_what_is_no_program_cannot_be_run(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(EnvironmentUnfit, match="script' cannot be run: Permission denied"):
        await process.run(script)
    with pytest.raises(EnvironmentUnfit, match="nonesuch' is not installed"):
        await process.run(tmp_path / "nonesuch")


async def test_it_reads_what_it_is_given(tmp_path):
    assert (await process.run("cat", standard_input=b"given")).output == "given"
    path = tmp_path / "file"
    path.write_text("a file")
    with path.open("rb") as content:
        assert (await process.run("cat", standard_input=content)).output == "a file"
