# SPDX-License-Identifier: BSD-2-Clause
"""Who holds a file is known for exactly as long as the holder lives."""

import subprocess
import sys

from ganeti.lab import pidlock

HOLD = "import sys, pathlib; from ganeti.lab import pidlock; pidlock.hold(pathlib.Path(sys.argv[1])); print(); input()"


def test_a_file_is_held_until_its_holder_ends(tmp_path):
    path = tmp_path / "lock"
    assert pidlock.holder(path) is None
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert pidlock.holder(path) == process.pid
        process.kill()
    assert pidlock.holder(path) is None
    assert path.exists()
