# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.cli.htools import annealing, hbal, searching, watch
from ganeti.cli.htools.hbal_options import command_line
from ganeti.cli.htools.loading import Loaded
from ganeti.cli.htools.names import Names
from ganeti.cli.htools.report.steps import job_sets
from ganeti.placement.balance.balance import Balance
from ganeti.placement.balance.move import Move, MoveKind, Step
from ganeti.placement.tags import TagRules
from ganeti.placement.text import parse
from tests.unit.placement.clusters import cluster_text, unbalanced_text


@pytest.fixture
def cluster(tmp_path):
    file = tmp_path / "cluster.data"
    file.write_text(unbalanced_text(6, 40))
    return file


@pytest.fixture
def run(cluster, capsys):
    """Run hbal on the cluster: exit status, standard output, standard error."""

    def run_with(*words):
        status = hbal.main(["-t", str(cluster), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run_with


def test_the_lines_that_scripts_look_for_are_there(run):
    status, out, _ = run("-l", "2")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "Loaded 6 nodes, 40 instances"
    assert lines[4].startswith("Initial score: ")
    assert lines[-2].startswith("Cluster score improved from ")
    assert lines[-1] == "Solution length=2"


def test_commands_come_in_sets_of_jobs_that_share_no_node(run):
    _, out, _ = run("-l", "4", "-C")
    commands = out.partition("Commands to run to reach the above solution:")[2]
    assert "  echo jobset 1, " in commands
    assert "    gnt-instance " in commands


def test_the_script_stops_when_it_is_asked_to(run, tmp_path):
    run("-l", "1", f"-C{tmp_path / 'script'}")
    script = (tmp_path / "script").read_text()
    assert script.startswith("#!/bin/sh\n")
    assert "\n  echo job 1/1\n  check\n" in script


def test_the_saved_state_has_the_instances_where_the_steps_bring_them(run, tmp_path):
    _, out, _ = run("-l", "3", "-S", str(tmp_path / "state"))
    final = out.partition("improved from")[2].split()[2]
    balanced = parse((tmp_path / "state.balanced").read_text()).snapshot
    original = parse((tmp_path / "state.original").read_text()).snapshot
    moved = [a for a, b in zip(balanced.instances, original.instances, strict=True) if a != b]
    assert len(moved) == 3
    assert f"{Balance(balanced).score():.4f}" == f"{float(final):.4f}"


def test_a_good_enough_score_ends_it_before_it_begins(run):
    status, out, _ = run("-e", "1000")
    assert status == 0
    assert "Cluster is already well balanced" in out


def test_a_node_declared_offline_is_emptied(run):
    _, out, _ = run("-O", "node0", "--evac-mode", "-C")
    assert out.count("node0:") > 5


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-O", "nix"], 1, "Error: wrong node name(s) set as offline: nix"),
        (["--select-instances", "nix"], 1, "Unknown instance(s)"),
        (["-G", "nix"], 1, "Node group nix not found. Node group list is:\n  default"),
        (["-l", "x"], 1, "max solution length: cannot parse string 'x'"),
        (["--max-cpu", "0"], 1, "Invalid value of the max-cpu ratio, expected >0"),
        (["-U", "/nonexistent"], 1, "can't read utilisation data"),
        (["-U", "/proc/self/exe"], 1, "can't read utilisation data"),
        (["-S", "/nonexistent/state"], 1, "cannot write /nonexistent/state.original"),
        (["-X"], 1, "Execution of commands possible only on LUXI"),
        (["--bogus"], 2, "Command line error"),
        (["-L"], 1, "Only one of the rapi, luxi, and data files options should be given"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(run, words, status, said):
    ended, _, err = run("-l", "1", *words)
    assert ended == status
    assert said in err
    assert "Traceback" not in err


def test_a_broken_file_is_named_with_its_line(cluster, run):
    cluster.write_text(cluster.read_text().replace("|drbd|", "|floppy|", 1))
    status, _, err = run()
    assert status == 1
    assert f"Error: failed to load data, aborting: {cluster}: line 10: " in err


def test_the_plan_says_what_why_and_how_long(run):
    _, out, _ = run("-l", "2", "--plan")
    plan = out.partition("Plan: ")[2]
    assert plan.startswith("2 steps in ")
    assert plan.count("why: ") == 2
    assert "N+1 holds before the first step and after each." in plan


class WatchedClock:
    """Time passes by looking at it, so that a search gets as much work done on a busy machine as on an idle one."""

    def __init__(self):
        self._now = 0.0

    def monotonic(self):
        self._now += 0.01
        return self._now


@pytest.fixture
def watched_clock(monkeypatch):
    clock = WatchedClock()
    for module in (annealing, searching, watch):
        monkeypatch.setattr(module, "time", clock)


def test_the_best_final_state_is_no_worse_and_within_the_length(run, watched_clock):
    def final(out):
        return float(out.partition("improved from ")[2].split()[2])

    _, usual, _ = run("-l", "4")
    _, best, _ = run("-l", "4", "--optimal", "3")
    assert final(best) <= final(usual) + 1e-8
    assert int(best.rpartition("Solution length=")[2]) <= 4


def test_dynamic_load_of_a_file_counts(run, tmp_path):
    load = tmp_path / "load"
    load.write_text("inst0 100 1 1 1\n")
    initial = [
        run("-l", "0", *words)[1].partition("Initial score: ")[2].split()[0] for words in ([], ["-U", str(load)])
    ]
    assert float(initial[1]) > float(initial[0]) + 1


def test_sets_of_jobs_are_put_together_from_the_last_step_on():
    def step(*nodes):
        return Step(Move(0, MoveKind.FAILOVER, -1), nodes, nodes[::-1], 0.0)

    first, second, third = step(0, 1), step(2, 3), step(1, 4)
    assert job_sets([first, second, third]) == [[first], [second, third]]


# As Ganeti's hbal 3.0.2 answers.
_SPLIT = """g1|u1|preferred||
g2|u2|preferred||

n1|4096|0|3072|10000|9000|2|M|u1|1||N|0|1|1.0
n2|4096|0|4096|10000|9000|2|N|u2|1||N|0|1|1.0
n3|4096|0|4096|10000|9000|2|N|u1|1||N|0|1|1.0

i1|1024|1000|1|running|Y|n1|n2|drbd||1
i2|1024|1000|1|running|Y|n1|n3|drbd||1


|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
g1|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
g2|128,1,1024,1,1,1|128,1,1024,1,1,1;32768,8,1048576,16,8,12|drbd,plain|4.0|32.0
"""


def test_an_instance_with_nodes_in_two_groups_counts_in_that_of_its_primary_and_is_named(tmp_path, capsys):
    data = tmp_path / "split.data"
    data.write_text(_SPLIT)
    assert hbal.main(["-t", str(data), "-G", "g1", "-O", "n1", "-v"]) == 0
    printed = capsys.readouterr()
    assert (
        "Found instances belonging to multiple node groups:\n  i1\nThese instances will not be moved.\n" in printed.err
    )
    assert "Group size 2 nodes, 2 instances" in printed.out
    assert "Initial score: 40.06250000" in printed.out


@pytest.mark.parametrize(("words", "fixed"), [(["-L"], True), (["-t", "cluster.data"], False)])
def test_what_is_forthcoming_stays_where_it_is_in_a_cluster_that_is_there(words, fixed):
    """Nothing could carry its moves out; of one on paper they are told as Ganeti's hbal does."""
    snapshot = parse(cluster_text(1)).snapshot
    forthcoming = {instance.name for instance in snapshot.instances if instance.forthcoming}
    assert forthcoming
    loaded = Loaded(snapshot, Names(snapshot), TagRules())
    assert hbal.options_of(loaded, command_line().parse_args(words)).never == (forthcoming if fixed else set())
