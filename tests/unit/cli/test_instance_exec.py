# SPDX-License-Identifier: BSD-2-Clause
"""``gnt-instance exec``, and what its agent tells of a guest."""

import io
import os
from pathlib import Path

import pytest

from ganeti.cli.instance import _addresses
from ganeti.cli.instance_exec import _write
from ganeti.cli.tree import render
from ganeti.model.guest_agent import Executed
from tests.cluster.instance.agents import agent_of
from tests.unit.cli.conftest import Terminal


@pytest.fixture
def agent(cluster):
    made = agent_of(cluster, "web1")
    yield made
    for node in cluster.nodes.values():
        del node.hypervisor().agents["web1"]


@pytest.mark.parametrize("words", [("--", "ls", "--all"), ("ls", "--all")])
def test_the_command_has_options_of_its_own_and_its_output_and_status_are_those_of_exec(gnt, agent, words):
    agent.ended = Executed(3, output="one\n", errors="two\n")
    ended = gnt("instance", "exec", "--timeout", "5", "web1", *words)
    assert (ended.status, ended.output, ended.errors) == (3, "one\n", "two\n")
    assert agent.events == ["ls --all"]


def test_a_command_that_is_killed_has_a_shells_status_and_cut_output_is_said_to_be(gnt, agent):
    agent.ended = Executed(None, signal=9, cut=True)
    ended = gnt("instance", "exec", "web1", "yes")
    assert ended.status == 137
    assert "killed by signal 9" in ended.errors
    assert "written more than is shown" in ended.errors


def test_who_watches_the_job_sees_what_the_command_wrote(gnt, agent):
    agent.ended = Executed(3, output="one\n", errors="two\n")
    number = gnt("instance", "exec", "--submit", "--print-jobid", "web1", "ls").output.split()[0]
    ended = gnt("job", "watch", number)
    assert (ended.status, ended.lines[-1], ended.errors) == (0, "one", "two\n")


def test_standard_input_that_is_not_passed_on_is_told(gnt, agent, tmp_path, monkeypatch):
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.write_text("x")
    empty.touch()
    for source, told in ((full, True), (empty, False), (Path(os.devnull), False)):
        with source.open() as stream:
            monkeypatch.setattr("sys.stdin", stream)
            ended = gnt("instance", "exec", "web1", "cat")
        assert ("Standard input is not passed to the command" in ended.errors) is told
    monkeypatch.setattr("sys.stdin", None)  # it was closed
    assert gnt("instance", "exec", "web1", "cat").errors == ""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, os.fdopen(writing, "w") as filled:
        monkeypatch.setattr("sys.stdin", stream)
        assert gnt("instance", "exec", "web1", "cat").errors == ""
        print("x", file=filled, flush=True)
        assert "Standard input is not passed" in gnt("instance", "exec", "web1", "cat").errors


def test_without_an_agent_it_is_refused(gnt):
    ended = gnt("instance", "exec", "web2", "ls")
    assert ended.status == 1
    assert "No command can be run in web2: no agent runs in it" in ended.errors


def test_a_terminal_gets_nothing_that_it_would_obey_and_a_file_what_was_written():
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        _write(stream, "a\tb\x1b[2J\n")
    assert (terminal.getvalue(), file.getvalue()) == ("a\tb\ufffd[2J\n", "a\tb\x1b[2J\n")


def test_addresses_are_shown_by_interface_or_why_there_are_none():
    told = {"interfaces": [{"name": "eth0", "mac": "", "addresses": ["192.0.2.7/24", "fe80::1/64"]}], "problem": ""}
    assert list(render([{"Addresses": _addresses(told)}]))[1:] == ["    eth0: 192.0.2.7/24, fe80::1/64"]
    assert _addresses({"interfaces": [], "problem": "no agent runs in it"}) == "unknown: no agent runs in it"
