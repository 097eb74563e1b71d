# SPDX-License-Identifier: BSD-2-Clause
"""Daemons under systemd: what is asked of it, and what our units say."""

import configparser
import subprocess
from pathlib import Path

import pytest

from ganeti.errors import ExecutionFailed
from ganeti.host import services
from ganeti.host.daemons import Daemon

UNITS = Path(__file__).parents[3] / "packaging/systemd"
GUESTS = UNITS / "ganeti-guests.service"
ALL = UNITS / "ganeti.service"  # as 'service ganeti restart' knows them
SERVICES = sorted(path for path in UNITS.glob("*.service") if path not in (GUESTS, ALL))


@pytest.fixture
def asked(monkeypatch):
    """What systemctl was asked for; ``asked.status`` is how it ends."""

    class Asked(list):
        status = 0

    made = Asked()

    def systemctl(*words):
        made.append(words)
        return subprocess.CompletedProcess(words, made.status, "", "Unit not found.\n")

    monkeypatch.setattr(services, "_systemctl", systemctl)
    return made


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser


def test_a_started_daemon_is_there_after_a_boot_and_stops_with_the_target(asked):
    services.Systemd().start("ganeti-noded")
    assert asked == [("enable", "--now", "ganeti.target", "ganeti-noded")]


def test_a_daemon_that_does_not_start_says_where_its_words_are(asked):
    asked.status = 1
    with pytest.raises(ExecutionFailed, match=r"Unit not found\.; see 'journalctl -u ganeti-noded'"):
        services.Systemd().start("ganeti-noded")


def test_a_daemon_that_is_left_off_runs_on(asked):
    services.Systemd().leave_off("ganeti-noded")
    assert asked == [("disable", "ganeti-noded")]


def test_what_systemd_refuses_to_switch_off_stands_in_the_log(asked, caplog):
    asked.status = 1
    services.Systemd().leave_off("ganeti-masterd")
    assert "'disable ganeti-masterd' failed: Unit not found." in caplog.text


def test_by_the_name_of_all_of_them_the_target_is_started_stopped_and_restarted():
    assert unit(UNITS / "ganeti.target")["Unit"]["PartOf"] == ALL.name
    assert unit(ALL)["Unit"]["Wants"] == "ganeti.target"
    assert unit(ALL)["Service"]["RemainAfterExit"] == "yes"


def test_daemons_restart_in_order_while_the_caller_which_may_be_one_of_them_goes_on(asked):
    services.Systemd().restart_soon(["ganeti-confd", "ganeti-noded"])
    assert asked == [("try-restart", "--no-block", name) for name in ("ganeti-confd", "ganeti-noded")]


def test_the_target_itself_is_started_at_boot():
    assert unit(UNITS / "ganeti.target")["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_stopping_the_target_waits_until_a_daemon_has_stopped(path):
    described = unit(path)["Unit"]
    assert described["PartOf"] == "ganeti.target"
    assert "ganeti.target" in described["After"].split()


def test_guests_are_stopped_after_the_node_daemon_and_before_network_and_file_systems():
    described, noded = unit(GUESTS)["Unit"], unit(UNITS / "ganeti-noded.service")
    assert "ganeti-noded.service" in described["Before"].split()
    assert {"network-online.target", "remote-fs.target"} <= set(described["After"].split())
    assert "ganeti-guests.service" in noded["Unit"]["Wants"].split()
    assert noded["Install"]["Also"] == "ganeti-guests.service"


def test_stopping_the_daemons_leaves_the_guests_running():
    described = unit(GUESTS)
    assert "PartOf" not in described["Unit"]
    assert "is-system-running" in described["Service"]["ExecStop"]


def test_guests_have_the_time_that_is_promised_them_before_systemd_loses_patience():
    service = unit(GUESTS)["Service"]
    words = service["ExecStop"].split()
    assert float(words[words.index("--timeout") + 1]) < 10 * 60
    assert service["TimeoutStopSec"] == "10min"


def test_there_is_a_unit_for_each_daemon():
    assert {path.stem for path in SERVICES} == set(Daemon)
