# SPDX-License-Identifier: BSD-2-Clause
"""Wiping, on loop devices."""

import asyncio
import subprocess
import threading
from contextlib import contextmanager

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.node.storage import zeroing
from ganeti.node.storage.zeroing import length_of, wipe
from ganeti.rpc.server import Report

MIB = 1024**2
SECRET = b"secret" * 1024


@contextmanager
def device_of(file, size):
    """A loop device full of secrets."""
    file.write_bytes((SECRET * (size // len(SECRET) + 1))[:size])
    path = subprocess.check_output(["losetup", "--find", "--show", file], text=True).strip()
    try:
        yield path
    finally:
        subprocess.run(["losetup", "--detach", path], check=True)


async def test_nothing_is_left_from_where_it_begins_and_everything_before_it(tmp_path):
    start = 3 * MIB + 512
    with device_of(tmp_path / "disk", 150 * MIB) as device:
        report = Report()
        before = (tmp_path / "disk").read_bytes()
        await wipe(device, start, report, "disk u")
        assert length_of(device) == 150 * MIB
    after = (tmp_path / "disk").read_bytes()
    assert after[:start] == before[:start]
    assert after[start:].count(0) == 150 * MIB - start
    done = [line.progress.done for line in report.drain() if line.progress]
    assert done == sorted(done)
    assert done[-1] == (150 * MIB - start) / MIB


async def test_who_gives_up_waits_until_the_device_is_closed(tmp_path, monkeypatch):
    begun, going_on = threading.Event(), threading.Event()

    def slow(device, start, size):
        begun.set()
        assert going_on.wait(300)

    monkeypatch.setattr(zeroing, "_zero", slow)
    with device_of(tmp_path / "disk", MIB) as device:
        task = asyncio.create_task(wipe(device, 0, Report(), "disk u"))
        await asyncio.to_thread(begun.wait, 300)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        going_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_device_that_is_gone_is_told(tmp_path):
    with pytest.raises(ExecutionFailed, match="none cannot be used: No such file"):
        await wipe(str(tmp_path / "none"), 0, Report(), "disk u")


@pytest.mark.parametrize("held", [False, True])
async def test_external_storage_is_wiped_through_its_device_which_is_detached_again(ext_bench, held):
    disk = ext_bench.disk(size=4)
    await ext_bench.create(disk)
    ext_bench.file(disk).write_bytes(SECRET.ljust(4 * MIB, b"x"))
    if held:
        await ext_bench.open(disk)
    assert await ext_bench.storage.length(disk) == 4 * MIB
    await ext_bench.storage.wipe(disk, MIB, ext_bench.report)
    assert ext_bench.file(disk).read_bytes() == SECRET.ljust(MIB, b"x") + bytes(3 * MIB)
    assert bool(ext_bench.devices()) is held
