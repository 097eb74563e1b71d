# SPDX-License-Identifier: BSD-2-Clause
"""What a shell on a node of the lab begins with."""

import subprocess

import pytest

from ganeti.cli.commands import COMMANDS
from ganeti.lab import environment


def started(shell, ask, tmp_path):
    start = tmp_path / "start.sh"
    start.write_text(environment.shell_start())
    return subprocess.run([shell, "-c", f". {start}; {ask}"], capture_output=True, text=True, check=False)


def test_bash_completes_every_command(tmp_path):
    done = started("bash", "complete -p", tmp_path)
    assert done.stderr == ""
    for script in COMMANDS:
        assert f"-C 'ganeti-complete' {script}" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_any_shell_finds_the_commands_and_says_nothing(shell, tmp_path):
    done = started(shell, 'echo "$PATH"', tmp_path)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", environment.path())
