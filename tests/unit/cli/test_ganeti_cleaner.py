# SPDX-License-Identifier: BSD-2-Clause
"""Old files are taken away, and no others."""

import os
import sys
import time

import pytest

from ganeti.cli import ganeti_cleaner
from ganeti.errors import EXIT_USAGE
from ganeti.host.leftovers import INTERRUPTED, OUTDATED
from ganeti.host.paths import Paths


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("GANETI_ROOT", str(tmp_path))
    made = Paths(tmp_path).state
    (made / "rapi").mkdir(parents=True)
    return made


def put(path, age):
    path.touch()
    moment = time.time() - age
    os.utime(path, (moment, moment))


def clean(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ganeti-cleaner", *words])
    return ganeti_cleaner.main()


def test_what_an_interrupted_write_has_left_goes_after_a_day(state, monkeypatch, capsys):
    old, young = state / ".config.data.ab12_xyz", state / "rapi/.users.abcdefgh"
    put(old, INTERRUPTED + 60)
    put(young, INTERRUPTED - 60)
    assert clean(monkeypatch, "node") == 0
    assert [path.name for path in state.rglob(".*")] == [young.name]
    assert capsys.readouterr().out == ""


def test_what_a_watcher_has_left_goes_after_three_weeks(state, monkeypatch, capsys):
    old, young = state / "watcher.uuid.instance-status", state / "instance-status"
    put(old, OUTDATED + 60)
    put(young, OUTDATED - 60)
    clean(monkeypatch, "node", "--verbose")
    assert not old.exists()
    assert young.exists()
    assert capsys.readouterr().out == f"{old}\n"


def test_nothing_else_goes_however_old(state, monkeypatch):
    for name in ("cluster.db", "ssconf_cluster_name", ".hidden", ".profile.d", "node.pem"):
        put(state / name, 10 * OUTDATED)
    (state / ".a.directory").mkdir()
    before = sorted(state.rglob("*"))
    clean(monkeypatch, "node")
    clean(monkeypatch, "master")
    assert sorted(state.rglob("*")) == before


def test_a_machine_without_a_cluster_has_nothing_to_clean(tmp_path, monkeypatch):
    monkeypatch.setenv("GANETI_ROOT", str(tmp_path))
    assert clean(monkeypatch, "node") == 0


def test_what_is_to_be_cleaned_has_to_be_said(state, monkeypatch, capsys):
    assert clean(monkeypatch) == EXIT_USAGE
    assert "the following arguments are required: what" in capsys.readouterr().err
