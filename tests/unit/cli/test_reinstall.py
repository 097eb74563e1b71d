# SPDX-License-Identifier: BSD-2-Clause
"""What is asked before instances are reinstalled, and the list to choose from."""

import pytest

from ganeti.errors import EXIT_CONFIRMATION
from tests.cluster.providers import provide

PROVIDERS = ("debian+bookworm", "debian+trixie", "tiny")


@pytest.fixture(autouse=True)
def stopped(background, cluster):
    """web1 and web2, the systems of which are not known."""

    async def stop():
        provide(cluster, "tiny")
        provide(cluster, "debian", variants=["bookworm", "trixie"])
        for name in ("web1", "web2"):
            await cluster.run("OP_INSTANCE_SHUTDOWN", instance_name=name)

    background.do(stop())
    cluster.nodes["node1"].providers.calls.clear()


def installed(cluster):
    return [(call.guest.name, call.guest.os) for call in cluster.nodes["node1"].providers.calls]


def test_one_instance_is_asked_for_unless_forced(gnt, cluster, terminal):
    terminal.append("n")
    ended = gnt("instance", "reinstall", "-o", "tiny", "web1")
    assert ended.status == EXIT_CONFIRMATION
    assert "The operating system of web1 will be reinstalled, and the data on its disks will be lost." in ended.output
    assert installed(cluster) == []
    assert gnt("instance", "reinstall", "-f", "-o", "tiny", "web1").status == 0
    assert installed(cluster) == [("web1", "tiny")]


def test_several_are_asked_for_together_also_if_one_is_forced(gnt, cluster, terminal):
    terminal.append("n")
    ended = gnt("instance", "reinstall", "-f", "-o", "tiny", "--primary", "node1")
    assert ended.status == EXIT_CONFIRMATION
    assert "The reinstall will operate on 2 instances.\nAffected instances:\n  web1\n  web2\n" in ended.output
    assert "The operating system of these instances will be reinstalled" in ended.output
    assert gnt("instance", "reinstall", "--force-multiple", "-o", "tiny", "web1", "web2").status == 0
    assert sorted(installed(cluster)) == [("web1", "tiny"), ("web2", "tiny")]


def test_the_operating_system_is_chosen_from_a_list(gnt, cluster, terminal):
    terminal += ["7", "trixie", "1"]
    ended = gnt("instance", "reinstall", "--select-os", "-f", "web1")
    assert ended.status == 0, ended.errors
    assert [line for line in ended.lines if line.startswith("  ")] == [f"  {n}: {os}" for n, os in enumerate(PROVIDERS)]
    assert installed(cluster) == [("web1", "debian+trixie")]


def test_whoever_chooses_none_has_nothing_reinstalled(gnt, cluster, terminal):
    terminal.append("x")
    assert gnt("instance", "reinstall", "--select-os", "-f", "web1").status == EXIT_CONFIRMATION
    assert installed(cluster) == []


def test_without_a_terminal_nothing_is_chosen(gnt, cluster):
    ended = gnt("instance", "reinstall", "--select-os", "-f", "web1")
    assert ended.status == EXIT_CONFIRMATION
    assert "There is no terminal to ask on" in ended.errors
    assert installed(cluster) == []


def test_it_is_either_named_or_chosen(gnt):
    ended = gnt("instance", "reinstall", "--select-os", "-o", "tiny", "-f", "web1")
    assert "Give either an operating system (-o) or --select-os" in ended.errors
