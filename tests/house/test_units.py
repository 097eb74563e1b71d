# SPDX-License-Identifier: BSD-2-Clause
"""The units of systemd let the daemons do what they do."""

from pathlib import Path

import pytest

from ganeti.api.limits import CONNECTIONS, WAITS
from ganeti.host.daemons import Daemon

UNITS = Path(__file__).parents[2] / "packaging/systemd"


def settings(daemon):
    """Those of its section [Service]; none stands twice."""
    section = (UNITS / f"{daemon}.service").read_text().partition("[Service]")[2].partition("\n[")[0]
    return dict(line.split("=", 1) for line in section.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("daemon", list(Daemon))
def test_a_daemon_may_have_as_many_files_open_as_it_takes_connections(daemon):
    assert int(settings(daemon)["LimitNOFILE"]) > 2 * (CONNECTIONS + WAITS)


@pytest.mark.parametrize("daemon", list(Daemon))
def test_control_files_of_running_guests_outlive_a_daemon(daemon):
    unit = settings(daemon)
    assert (unit["RuntimeDirectory"], unit["RuntimeDirectoryPreserve"]) == ("ganeti", "yes")


def test_a_master_daemon_that_steps_down_can_take_the_address_away_and_talk_to_systemd():
    unit = settings(Daemon.MASTER)
    assert {"AF_UNIX", "AF_NETLINK"} <= set(unit["RestrictAddressFamilies"].split())
    assert "CAP_NET_ADMIN" in unit.get("CapabilityBoundingSet", "CAP_NET_ADMIN")
    assert not {"PrivateNetwork", "User", "DynamicUser", "InaccessiblePaths", "SystemCallFilter"} & unit.keys()


def test_nothing_is_taken_from_what_guests_scripts_and_hooks_inherit():
    hardening = ("Protect", "Private", "Restrict", "Capability", "NoNew", "Lock", "UMask", "SystemCall")
    assert not [name for name in settings(Daemon.NODE) if name.startswith(hardening)]


def test_strangers_talk_to_a_daemon_that_cannot_change_the_network():
    assert settings(Daemon.REMOTE_API)["CapabilityBoundingSet"] == "CAP_DAC_OVERRIDE"
