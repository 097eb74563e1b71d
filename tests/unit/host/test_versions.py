# SPDX-License-Identifier: BSD-2-Clause
"""Versions of the software side by side, and how a node goes over from one to another."""

import json

import pytest

import ganeti
from ganeti.errors import UnknownEntity
from ganeti.host import services
from ganeti.host.daemons import Daemon
from ganeti.host.paths import Paths
from ganeti.host.restarting import restart
from ganeti.host.versions import Version, Versions
from ganeti.node.software import SoftwareOfNode
from ganeti.rpc.contract.software import Software, SwitchVersion, TellVersions

OTHER = "4.0.99"


@pytest.fixture
def versions(tmp_path):
    made = Versions(Paths(tmp_path))
    for name, record in (
        (ganeti.VERSION, {"version": ganeti.VERSION, "format": 3}),
        (OTHER, {"version": OTHER, "format": 4, "more": "of a later version"}),
        ("damaged", "{"),
        ("moved", {"version": "4.0.5", "format": 3}),
    ):
        place = made.directory / name
        place.mkdir(parents=True)
        (place / "installed.json").write_text(record if isinstance(record, str) else json.dumps(record))
    (made.directory / "interrupted").mkdir()
    (made.directory / "current").symlink_to(ganeti.VERSION)
    return made


def test_what_is_complete_counts(versions):
    assert versions.installed() == (Version(ganeti.VERSION, 3), Version(OTHER, 4))
    assert versions.current() == ganeti.VERSION
    assert Versions(Paths(versions.paths.root / "none")).current() is None


def test_a_version_that_is_not_there_is_not_switched_to(versions):
    with pytest.raises(
        UnknownEntity, match=r"Version 5 is not installed in .*/opt/ganeti \(installed: 4\.0\.0, 4\.0\.99"
    ):
        versions.switch("5")
    with pytest.raises(UnknownEntity):
        versions.switch("interrupted")
    assert versions.current() == ganeti.VERSION


async def test_a_node_tells_its_versions_and_restarts_for_another_one_only(versions):
    restarts = []
    software = SoftwareOfNode(versions, lambda: restarts.append(versions.current()))
    assert await software.tell(TellVersions(), None) == Software(ganeti.VERSION, (ganeti.VERSION, OTHER))
    await software.switch(SwitchVersion(version=ganeti.VERSION), None)
    assert restarts == []
    for _ in range(2):  # as long as it is not of that version itself
        await software.switch(SwitchVersion(version=OTHER), None)
    assert restarts == [OTHER, OTHER]
    await software.switch(SwitchVersion(version=ganeti.VERSION), None)  # back before it has restarted
    assert versions.current() == ganeti.VERSION


def test_a_daemon_of_an_installed_version_is_started_from_the_one_in_use(versions, monkeypatch):
    programs = versions.directory / ganeti.VERSION / "bin"
    programs.mkdir()
    (programs / "ganeti-noded").touch()
    (versions.directory / "bin").symlink_to("current/bin")
    monkeypatch.setattr(services.sys, "prefix", str(versions.directory / OTHER))
    assert services._program(Daemon.NODE, versions) == [str(versions.directory / "bin/ganeti-noded")]


def test_what_does_not_run_is_not_restarted():
    class Manager:
        done = []

        def running(self, daemon):
            return daemon is not Daemon.MONITORING

        def stop(self, daemon):
            self.done.append(("stop", daemon))

        def start(self, daemon):
            self.done.append(("start", daemon))

    restart(Manager(), [Daemon.CONFIGURATION, Daemon.MONITORING, Daemon.NODE])
    assert Manager.done == [(what, of) for of in (Daemon.CONFIGURATION, Daemon.NODE) for what in ("stop", "start")]
