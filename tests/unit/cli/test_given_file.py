# SPDX-License-Identifier: BSD-2-Clause
"""Files that a command is given: one that never ends is no reason to take all memory."""

import pytest

from ganeti.cli import given_file
from ganeti.cli.htools import hail, hspace


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Files of 1 MiB at most."""
    monkeypatch.setattr(given_file, "LARGEST", 1 << 20)


@pytest.mark.parametrize(
    "words",
    [
        ("debug", "submit-job"),
        ("instance", "batch-create"),
        ("cluster", "renew-crypto", "-f", "--rapi-certificate"),
    ],
)
def test_a_command_refuses_a_file_that_never_ends(gnt, words):
    ended = gnt(*words, "/dev/zero")
    assert (ended.status, ended.errors.splitlines()[-1].rpartition(": ")[2]) == (1, "It is larger than 1 MiB")


@pytest.mark.parametrize(("tool", "words"), [(hail, []), (hspace, ["-t"]), (hspace, ["-I"])])
def test_so_do_the_tools_of_placement(capfd, monkeypatch, tool, words):
    monkeypatch.setattr("sys.argv", ["tool", *words, "/dev/zero"])
    assert tool.main() == 1
    captured = capfd.readouterr()
    assert "/dev/zero: It is larger than 1 MiB" in captured.out + captured.err


def test_a_file_of_just_this_size_is_read(tmp_path):
    (tmp_path / "whole").write_bytes(b" " * given_file.LARGEST)
    assert len(given_file.read_given(tmp_path / "whole")) == given_file.LARGEST
