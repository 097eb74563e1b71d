# SPDX-License-Identifier: BSD-2-Clause
"""What the cluster has of an OS, as a command changes it."""

import pytest


@pytest.fixture(autouse=True)
def restored(gnt):
    yield
    gnt("os", "modify", "--hidden=no", "--blacklisted=no", "-O", "dhcp=default", "deb")
    gnt("os", "modify", "-H", "kvm:kernel_args=default", "deb+stable")


def test_it_becomes_the_clusters(gnt, cluster):
    words = ("--hidden=yes", "--blacklisted=yes", "-O", "dhcp=yes", "--os-parameters-private", "key=secret")
    assert gnt("os", "modify", *words, "deb").status == 0
    assert gnt("os", "modify", "-H", "kvm:kernel_args=quiet", "deb+stable").status == 0
    settings = cluster.state.cluster
    assert (settings.hidden_os, settings.blacklisted_os) == ({"deb"}, {"deb"})
    assert settings.osparams["deb"] == {"dhcp": "yes"}
    assert settings.osparams_private["deb"] == {"key": "secret"}
    assert settings.os_hvp["deb+stable"] == {"kvm": {"kernel_args": "quiet"}}
    assert gnt("os", "modify", "--blacklisted=no", "deb").status == 0
    assert cluster.state.cluster.blacklisted_os == frozenset()


def test_a_dry_run_changes_nothing(gnt, cluster):
    before = cluster.state.cluster
    assert gnt("os", "modify", "--dry-run", "--hidden=yes", "deb").status == 0
    assert cluster.state.cluster == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("deb",), "Nothing to change"),
        (("-H", "kvm:nosuch=1", "deb"), "no parameter 'nosuch'"),
        (("--hidden=maybe", "deb"), "'maybe' is neither yes nor no"),
        (("--hidden=yes",), "expects 1 argument"),
    ],
)
def test_what_makes_no_sense_is_told(gnt, words, told):
    ended = gnt("os", "modify", *words)
    assert ended.status in (1, 2)
    assert told in ended.errors
