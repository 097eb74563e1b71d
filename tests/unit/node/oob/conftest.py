# SPDX-License-Identifier: BSD-2-Clause
"""A node's file of management controllers, and the programs as a node daemon runs them."""

import pytest

from ganeti.host.files import write_atomic
from ganeti.host.paths import ROOT_VARIABLE, Paths
from ganeti.node.oob import main


@pytest.fixture
def controllers(tmp_path, monkeypatch):
    """Writes the file."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(main, "_AGAIN", 0.0)

    def write(text, mode=0o600):
        write_atomic(Paths(tmp_path).out_of_band, text, mode=mode)

    return write


@pytest.fixture
def run(capfd):
    """Runs one of the programs: (exit status, output, errors)."""

    def call(driver, *words):
        capfd.readouterr()
        status = main.main(driver, ["ganeti-oob", *words])
        return (status, *capfd.readouterr())

    return call
