# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-cluster upgrade`` on a command line; what it does is in tests/unit/bootstrap and tests/real/cluster."""

import pytest

from ganeti.bootstrap import mastership
from ganeti.cli import upgrade
from ganeti.errors import EXIT_FAILURE


@pytest.mark.parametrize("words", [(), ("--to", "4.1.0", "--resume")])
def test_it_wants_one_of_its_two_options(gnt, words):
    ended = gnt("cluster", "upgrade", *words)
    assert ended.status == EXIT_FAILURE
    assert "Give either --to with the version to go over to, or --resume" in ended.errors


def test_elsewhere_than_on_the_master_nothing_is_done(gnt, monkeypatch):
    monkeypatch.setattr(mastership, "is_master", lambda paths: False)
    ended = gnt("cluster", "upgrade", "--to", "4.1.0")
    assert ended.status != 0
    assert "master" in ended.errors


@pytest.mark.parametrize("under_way", [True, False])
def test_who_interrupts_it_hears_how_it_goes_on(gnt, monkeypatch, under_way):
    class Interrupted:
        intent = under_way or None

        def go_on(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(mastership, "is_master", lambda paths: True)
    monkeypatch.setattr(upgrade, "_prepare", lambda session: Interrupted())
    ended = gnt("cluster", "upgrade", "--resume")
    assert ended.status == EXIT_FAILURE
    assert ("'gnt-cluster upgrade --resume' goes on" in ended.errors) is under_way
