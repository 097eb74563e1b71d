# SPDX-License-Identifier: BSD-2-Clause
"""hail as a program: whatever goes wrong, the answer has the protocol's form."""

import json
import sys

import pytest

from ganeti.cli.htools import hail
from tests.unit.placement.allocator.messages import allocation, message, node

NODES = {"node1": node(), "node2": node(), "node3": node()}


def run(monkeypatch, capfd, *words):
    """(exit status, answer, standard error)"""
    monkeypatch.setattr(sys, "argv", ["hail", *words])
    status = hail.main()
    told = capfd.readouterr()
    answer = json.loads(told.out)
    assert answer.keys() == {"success", "info", "result"}
    return status, answer, told.err


def request(tmp_path, **changes):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(message(NODES, request=allocation(**changes))))
    return str(file)


def test_an_answer_is_printed(tmp_path, monkeypatch, capfd):
    status, answer, err = run(monkeypatch, capfd, "--no-capacity-checks", request(tmp_path))
    assert (status, answer["success"], len(answer["result"]), err) == (0, True, 2, "")


def test_no_room_is_an_answer_and_no_failure(tmp_path, monkeypatch, capfd):
    status, answer, _ = run(monkeypatch, capfd, request(tmp_path, memory=30000))
    assert (status, answer["success"], answer["result"]) == (0, False, [])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nodes": {}}'])
def test_a_file_that_is_no_request_is_answered_too(text, tmp_path, monkeypatch, capfd):
    file = tmp_path / "request.json"
    file.write_text(text)
    status, answer, err = run(monkeypatch, capfd, str(file))
    assert (status, answer["success"]) == (1, False)
    assert err.startswith("Error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("words", "status"), [(["/nowhere"], 1), (["--what", "x"], 2), ([], 2)])
def test_so_is_a_command_line_that_makes_no_sense(words, status, monkeypatch, capfd):
    found, answer, _ = run(monkeypatch, capfd, *words)
    assert (found, answer["success"]) == (status, False)


def test_allocations_can_be_restricted(tmp_path, monkeypatch, capfd):
    words = ("--no-capacity-checks", "--restrict-allocation-to=node1,node3", request(tmp_path))
    _, answer, _ = run(monkeypatch, capfd, *words)
    assert sorted(answer["result"]) == ["node1", "node3"]


def test_the_cluster_before_and_after_can_be_saved_and_used_again(tmp_path, monkeypatch, capfd):
    saved = str(tmp_path / "cluster")
    _, first, _ = run(monkeypatch, capfd, "--no-capacity-checks", "-S", saved, request(tmp_path))
    _, again, _ = run(monkeypatch, capfd, "--no-capacity-checks", "-t", f"{saved}.pre-ialloc", request(tmp_path))
    assert again["result"] == first["result"]
    after = (tmp_path / "cluster.post-ialloc").read_text()
    assert f"|{'|'.join(first['result'])}|drbd|" in after


def test_nodes_are_listed_on_standard_error(tmp_path, monkeypatch, capfd):
    _, _, err = run(monkeypatch, capfd, "--no-capacity-checks", "-p", request(tmp_path))
    assert "Initial cluster status:" in err
    assert "Final cluster status:" in err
