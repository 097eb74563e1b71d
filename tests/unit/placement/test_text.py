# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.errors import WrongInput
from ganeti.placement.text import parse, serialise
from tests.unit.placement.clusters import cluster_text

GROUP = "g|u|preferred||\n"
NODE = "a|1000|0|1000|1000|1000|4|N|u|1||N|0|1|1.0\n"
OTHER = "b|1000|0|1000|1000|1000|4|N|u|1||N|0|1|1.0\n"
INSTANCE = "i|10|10|1|running|Y|a|b|drbd||1|-|N\n"
POLICY = "|128,1,1024,1,1,1|1,1,1,1,1,1;9,9,9,9,9,9|drbd|4.0|32.0\n"


def text(group=GROUP, nodes=NODE + OTHER, instances=INSTANCE, tags="", policies=POLICY):
    return f"{group}\n{nodes}\n{instances}\n{tags}\n{policies}"


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_read_as_the_same_cluster(seed):
    snapshot = parse(cluster_text(seed, groups=1 + seed % 2)).snapshot
    assert parse(serialise(snapshot)).snapshot == snapshot


def test_rows_may_be_as_short_as_older_versions_wrote_them():
    snapshot = parse(
        text(nodes="a|1000|0|1000|1000|1000|4|N|u\n" + OTHER, instances="i|10|10|1|running|Y|a|b|drbd|\n", policies="")
    ).snapshot
    assert (snapshot.nodes[0].spindles, snapshot.nodes[0].node_cpus, snapshot.nodes[0].cpu_speed) == (1, 1, 1.0)
    assert (snapshot.instances[0].spindle_use, snapshot.instances[0].forthcoming) == (1, False)


def test_without_a_fifth_section_there_are_the_usual_policies():
    whole = text()
    assert parse(whole[: whole.rindex("\n|") + 1]).snapshot.policy.vcpu_ratio == 4.0


def test_a_node_with_a_question_mark_is_offline():
    node = parse(text(nodes=NODE.replace("|1000|4|", "|?|4|") + OTHER)).snapshot.nodes[0]
    assert node.offline
    assert node.total_memory == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"nodes": "a|1000|0\n"}, "line 3: incomplete node data: 3 of at least 9 columns.*'free memory'"),
        ({"instances": "i|10|10|1|running|Y|a\n"}, "line 6: incomplete instance data.*'secondary'"),
        ({"instances": INSTANCE.replace("|a|b|", "|a|nix|")}, "line 6: instance of 'i': secondary 'nix' is not a node"),
        ({"instances": INSTANCE.replace("|a|b|", "|nix|b|")}, "line 6: instance of 'i': primary 'nix' is not a node"),
        ({"instances": INSTANCE.replace("|a|b|", "|a|a|")}, "secondary 'a' is its primary node as well"),
        ({"instances": INSTANCE.replace("i|10|", "i|10x|")}, "memory '10x' is not a whole number"),
        ({"instances": INSTANCE.replace("i|10|", "i|99999999999999999999|")}, "is more than 9007199254740992"),
        ({"instances": INSTANCE.replace("drbd", "floppy")}, "disk template 'floppy' is none of"),
        ({"instances": INSTANCE.replace("running", "walking")}, "status 'walking' is none of"),
        ({"instances": INSTANCE.replace("|Y|a", "|?|a")}, "auto balance '\\?' is neither Y nor N"),
        ({"nodes": NODE.replace("|u|", "|v|") + OTHER}, "line 3: node of 'a': group 'v' is the UUID of no group"),
        ({"nodes": NODE.replace("1.0", "fast") + OTHER}, "cpu speed 'fast' is not a number"),
        ({"group": "g|u|often||\n"}, "line 1: group of 'g': allocation policy 'often' is none of preferred"),
        ({"group": GROUP + GROUP.replace("|u|", "|v|")}, "more than one group with the name 'g'"),
        ({"policies": POLICY.replace("drbd", "zip")}, "disk templates 'zip' names 'zip'"),
        ({"policies": POLICY.replace(";9,9,9,9,9,9", "")}, "has 1 specs; they come in pairs"),
        ({"policies": POLICY.replace("1,1,1,1,1,1;", "1,1,1,1,1;")}, "has 5 values in '1,1,1,1,1'"),
        ({"policies": POLICY.replace("4.0", "four")}, "vcpu ratio 'four' is not a number"),
        ({"policies": "nix" + POLICY}, "owner 'nix' is not a group"),
        ({"policies": "|1,2\n"}, "incomplete policy data"),
    ],
)
def test_bad_input_is_told_with_its_line_and_column(changed, said):
    with pytest.raises(WrongInput, match=said):
        parse(text(**changed))


@pytest.mark.parametrize("sections", range(4))
def test_a_file_cut_short_is_told_as_such(sections):
    whole = [part for part in (GROUP, NODE + OTHER, INSTANCE) if part][:sections]
    with pytest.raises(WrongInput, match="the file ends in its section"):
        parse("\n".join(whole).rstrip("\n"))


def test_what_ganeti_takes_but_nobody_means_is_doubted():
    doubts = parse(text(nodes=NODE + OTHER + NODE, instances=INSTANCE.replace("i|10|", "i|-10|"))).doubts
    assert any("'a' in line 3 already" in doubt for doubt in doubts)
    assert any("memory -10 is below zero" in doubt for doubt in doubts)
