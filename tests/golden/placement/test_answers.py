# SPDX-License-Identifier: BSD-2-Clause
"""Ours against what Ganeti's own tools said, recorded."""

from pathlib import Path

import msgspec
import pytest

from ganeti.cli.htools import hcheck, hroller, hspace, hsqueeze
from tests.golden.placement.answers import assert_no_worse_answer, instances_that_fit, tools_cluster
from tests.golden.placement.record_answers import ARGUMENTS

RECORDED = msgspec.json.decode(Path(__file__).with_name("answers.json").read_bytes())


def ours(tool, seed, tmp_path, capfd):
    """(exit status, standard output)"""
    data = tmp_path / "cluster.data"
    data.write_text(tools_cluster(int(seed)))
    status = tool.main(["-t", str(data), *ARGUMENTS[tool.__name__.rpartition(".")[2]]])
    return status, capfd.readouterr().out


@pytest.mark.parametrize("seed", RECORDED["hail"])
def test_hail_is_no_worse(seed):
    assert_no_worse_answer(int(seed), *RECORDED["hail"][seed])


@pytest.mark.parametrize("seed", RECORDED["hspace"])
def test_hspace_fits_no_fewer_and_says_the_same_of_the_cluster_before(seed, tmp_path, capfd):
    said_status, said = RECORDED["hspace"][seed]
    status, output = ours(hspace, seed, tmp_path, capfd)
    assert status == said_status
    keys = [line.partition("=")[0] for line in output.splitlines()]
    assert sorted(keys) == sorted(line.partition("=")[0] for line in said.splitlines())
    before = [
        line for line in said.splitlines() if line.startswith(("HTS_CLUSTER", "HTS_INI", "HTS_SPEC", "HTS_TSPEC_"))
    ]
    assert [line for line in output.splitlines() if line in before] == before
    assert instances_that_fit(output) >= instances_that_fit(said)


@pytest.mark.parametrize("seed", RECORDED["hcheck"])
def test_hcheck_finds_the_same(seed, tmp_path, capfd):
    said_status, said = RECORDED["hcheck"][seed]
    status, output = ours(hcheck, seed, tmp_path, capfd)
    assert status == said_status
    initial = [line for line in said.splitlines() if "_FINAL_" not in line]
    assert [line for line in output.splitlines() if "_FINAL_" not in line] == initial


@pytest.mark.parametrize("seed", RECORDED["hroller"])
def test_hroller_needs_hardly_more_reboots(seed, tmp_path, capfd):
    said_status, said = RECORDED["hroller"][seed]
    status, output = ours(hroller, seed, tmp_path, capfd)
    assert status <= said_status
    if not said_status:
        assert len(output.splitlines()) <= len(said.splitlines()) + 1


@pytest.mark.parametrize("seed", RECORDED["hsqueeze"])
def test_hsqueeze_switches_no_fewer_nodes(seed, tmp_path, capfd):
    said_status, said = RECORDED["hsqueeze"][seed]
    status, output = ours(hsqueeze, seed, tmp_path, capfd)
    assert status == said_status
    assert set(said.splitlines()) <= set(output.splitlines())
