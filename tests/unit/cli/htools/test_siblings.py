# SPDX-License-Identifier: BSD-2-Clause
"""What the smaller tools say when they can't do what is asked."""

from pathlib import Path

import pytest

from ganeti.cli.htools import harep, hcheck, hroller, hscan, hspace, hsqueeze
from tests.golden.placement.answers import tools_cluster


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "cluster.data"
    file.write_text(tools_cluster(1))
    return str(file)


@pytest.mark.parametrize("tool", [hspace, hcheck, hroller, hsqueeze])
def test_a_file_that_is_cut_short_is_refused_in_a_line_that_says_where(tool, data, capfd):
    file = Path(data)
    file.write_text(file.read_text()[:200])
    assert tool.main(["-t", data]) == 1
    told = capfd.readouterr().err
    assert data in told
    assert "line" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("tool", [hspace, hcheck, hroller, hsqueeze])
def test_without_a_backend_there_is_nothing_to_do(tool, capfd):
    assert tool.main([]) == 1
    assert "No backend selected" in capfd.readouterr().err


@pytest.mark.parametrize("tool", [hspace, hcheck, hroller, hsqueeze, hscan, harep])
def test_an_option_that_there_is_not_is_a_wrong_command_line(tool, capfd):
    assert tool.main(["--what"]) == 2
    assert "--what" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--disk-template=tape"], '"tape"'),
        (["--standard-alloc=1,2"], "'1,2', expected disk,ram,cpu"),
        (["--tiered-alloc=1x,2,3"], "'1x' is no size"),
        (["--spindle-use=-1"], "spindle-use"),
        (["-O", "nobody"], "nobody"),
    ],
)
def test_hspace_names_the_option_that_is_wrong(words, told, data, capfd):
    assert hspace.main(["-t", data, *words]) == 1
    assert told in capfd.readouterr().err


def test_hroller_wants_to_know_the_master(data, tmp_path, capfd):
    without = tmp_path / "without.data"
    without.write_text(tools_cluster(1).replace("|M|", "|N|"))
    assert hroller.main(["-t", str(without)]) == 1
    assert "No master node found" in capfd.readouterr().err
    assert hroller.main(["-t", str(without), "--force", "--ignore-non-redundant"]) == 0


def test_hsqueeze_says_that_it_cannot_switch_power_itself(data, capfd):
    assert hsqueeze.main(["-t", data, "-X"]) == 1
    assert "-C prints the commands" in capfd.readouterr().err


def test_hscan_goes_on_after_a_cluster_that_does_not_answer(tmp_path, capfd):
    assert hscan.main(["-d", str(tmp_path), "http://127.0.0.1:1", "http://127.0.0.1:2"]) == 2
    assert capfd.readouterr().out.count("failed to load data") == 2


def test_harep_without_a_master_daemon_says_so(tmp_path, capfd):
    assert harep.main([f"-L{tmp_path}/socket"]) == 1
    assert "failed to load data" in capfd.readouterr().err


def test_hcheck_leaves_out_groups_without_nodes_and_keeps_the_numbers_of_the_others(tmp_path, capfd):
    data = tmp_path / "cluster.data"
    data.write_text("spare|nobodys|preferred||\n" + tools_cluster(1))
    hcheck.main(["-t", str(data), "--machine-readable"])
    told = capfd.readouterr().out
    assert told.startswith("HCHECK_GROUP_UUID_0='nobodys'\nHCHECK_GROUP_UUID_1=")
    assert "HCHECK_INIT_GROUP_0_" not in told
    assert "HCHECK_INIT_GROUP_1_SCORE=" in told
    assert "HCHECK_FINAL_GROUP_1_SCORE=" in told


def test_hroller_refuses_a_cluster_with_several_masters_also_by_force(data, tmp_path, capfd):
    several = tmp_path / "several.data"
    several.write_text(tools_cluster(1).replace("|N|", "|M|"))
    assert hroller.main(["-t", str(several), "--force"]) == 1
    assert "Found more than one master node: " in capfd.readouterr().err


@pytest.mark.parametrize("tool", [hspace, hcheck, hroller, hsqueeze, harep])
def test_a_tool_that_takes_no_arguments_says_so(tool, data, capfd):
    assert tool.main(["-t", data, "more"] if tool is not harep else ["more"]) == 1
    assert "doesn't take any arguments" in capfd.readouterr().err
