# SPDX-License-Identifier: BSD-2-Clause
import importlib
import os
import shutil
from pathlib import Path

import pytest

from ganeti.errors import EnvironmentUnfit
from ganeti.host.paths import Paths

_BUILT = Path(__file__).parents[2] / ".cache/os/tiny"


@pytest.fixture(scope="session")
def tiny_guest():
    """The directory of the tiny guest's OS provider."""
    try:
        guest = importlib.import_module("ganeti.lab.guest")
        return guest.build(guest.CACHE).directory
    except ModuleNotFoundError:
        if not (_BUILT / "vmlinuz").is_file():
            pytest.skip(f"the tiny guest is not built in {_BUILT}")
        return _BUILT
    except EnvironmentUnfit as unfit:
        pytest.skip(unfit.message)


@pytest.fixture(scope="session")
def qemu_program():
    """A real QEMU. GANETI_TEST_QEMU names another than the machine's own."""
    program = os.environ.get("GANETI_TEST_QEMU") or shutil.which("qemu-system-x86_64")
    if not program:
        pytest.skip("QEMU is not installed (qemu-system-x86)")
    return program


@pytest.fixture
def make_paths(tmp_path_factory):
    """Roots of nodes, with names short enough for the addresses of sockets."""

    def make() -> Paths:
        return Paths(tmp_path_factory.mktemp("n"))

    return make
