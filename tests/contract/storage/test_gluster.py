# SPDX-License-Identifier: BSD-2-Clause
"""Files of a Gluster volume."""

import asyncio
import shutil
import subprocess

import pytest
import uvloop
from msgspec.structs import replace

from ganeti.errors import EnvironmentUnfit, WrongInput
from ganeti.host.paths import Paths
from ganeti.node.storage.answering import Answering
from ganeti.node.storage.gluster import GlusterStorage


async def test_the_hypervisor_opens_a_file_by_itself_if_it_is_told_to(gluster_bench):
    disk = gluster_bench.disk(params=gluster_bench.where | {"access": "userspace"})
    await gluster_bench.create(disk)
    gluster_bench.write(disk, b"precious")
    opened = await gluster_bench.open(disk)
    assert opened.uri == f"gluster://127.0.0.1:24007/gv0/{disk.location}"
    assert opened.path == str(gluster_bench.file(disk))
    assert (await gluster_bench.open(replace(disk, params=gluster_bench.where))).uri == ""
    if shutil.which("qemu-io"):
        assert "precious" in as_qemu_sees(opened.uri)


def test_the_loop_that_daemons_run_waits_for_the_mount_and_not_for_the_process_that_serves_it(gluster_bench):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(gluster_bench.create(gluster_bench.disk()))
    assert gluster_bench.mount.is_mount()


def as_qemu_sees(uri):
    """The first sector, in figures and letters."""
    return subprocess.check_output(["qemu-io", "-r", "-f", "raw", "-c", "read -v 0 512", uri], text=True)


async def test_a_volume_whose_mount_has_died_is_mounted_again(gluster_bench):
    disk = gluster_bench.disk()
    await gluster_bench.create(disk)
    gluster_bench.lose_mount()
    assert (await gluster_bench.status(disk)).problem == ""
    assert gluster_bench.mount.is_mount()


async def test_a_volume_that_is_not_there_is_told(gluster_bench):
    disk = gluster_bench.disk(params=gluster_bench.where | {"volume": "nosuch"})
    with pytest.raises(EnvironmentUnfit, match=r"127\.0\.0\.1:/nosuch cannot be mounted"):
        await gluster_bench.create(disk)
    assert "cannot be mounted" in (await gluster_bench.status(disk)).problem


@pytest.mark.parametrize("place", ["/etc/passwd", "ganeti/../../x", "other/disk", "ganeti/", "ganeti/a/b"])
async def test_only_files_of_its_own_directory_are_disks(tmp_path, gluster_bench, place):
    with pytest.raises(WrongInput, match="not a file of a Gluster volume"):
        await GlusterStorage(Paths(tmp_path), Answering()).expected(gluster_bench.disk(location=place), ())


@pytest.mark.parametrize("wrong", [{"volume": "../x"}, {"host": "-oexec"}, {"volume": "-x"}])
async def test_what_is_no_host_and_no_volume_reaches_no_command(tmp_path, gluster_bench, wrong):
    disk = gluster_bench.disk(params=gluster_bench.where | wrong)
    with pytest.raises(WrongInput):
        await GlusterStorage(Paths(tmp_path), Answering()).expected(disk, ())
