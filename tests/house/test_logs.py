# SPDX-License-Identifier: BSD-2-Clause
"""No log grows for ever: logrotate(8) takes care of what daemons, hypervisors and scripts write."""

import subprocess
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "packaging/logrotate/ganeti"


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("masterd.log", {"masterd.log.1"}),  # its daemon makes another
        ("noded.out", {"noded.out", "noded.out.1.gz"}),
        ("kvm/web1.log", {"kvm/web1.log", "kvm/web1.log.1.gz"}),
        ("os/create-debian-web1.log", set()),
    ],
)
def test_daemons_and_guests_logs_are_rotated_and_those_of_scripts_removed(tmp_path, name, left):
    logs, rules = tmp_path / "logs", tmp_path / "rules"
    (logs / name).parent.mkdir(parents=True)
    (logs / name).write_text("something\n")
    rules.write_text(RULES.read_text().replace("/var/log/ganeti", str(logs)))
    rules.chmod(0o644)
    subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", rules], check=True, capture_output=True)
    assert {path.relative_to(logs).as_posix() for path in logs.rglob("*") if path.is_file()} == left
