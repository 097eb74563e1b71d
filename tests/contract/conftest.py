# SPDX-License-Identifier: BSD-2-Clause
import os
import shutil
import subprocess

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.host.paths import Paths
from ganeti.lab import guest
from tests.contract.ceph import MISSING, Ceph
from tests.contract.gluster import Gluster


@pytest.fixture(scope="session")
def tiny_guest():
    """The directory of the tiny guest's OS provider."""
    try:
        return guest.build(guest.CACHE).directory
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


@pytest.fixture(scope="session")
def qemu_program():
    """A real QEMU. GANETI_TEST_QEMU names another than the machine's own."""
    program = os.environ.get("GANETI_TEST_QEMU") or shutil.which("qemu-system-x86_64")
    if not program:
        pytest.skip("QEMU is not installed (qemu-system-x86)")
    return program


@pytest.fixture(scope="session")
def ceph(tmp_path_factory):
    if MISSING:
        pytest.skip(f"There is no {', '.join(MISSING)} here")
    made = Ceph(tmp_path_factory.mktemp("ceph") / "it")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def gluster(tmp_path_factory):
    try:
        made = Gluster(tmp_path_factory.mktemp("gluster"))
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)
    yield made
    made.stop()


@pytest.fixture
def make_paths(tmp_path_factory):
    """Roots of nodes, with names short enough for the addresses of sockets."""

    def make() -> Paths:
        return Paths(tmp_path_factory.mktemp("n"))

    return make


@pytest.fixture
def small_space(tmp_path):
    """A file system of 4 MiB."""
    if os.geteuid():
        pytest.skip("mounting a file system takes root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200,mode=0755", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)
