# SPDX-License-Identifier: BSD-2-Clause
"""``list`` and ``list-fields``."""

import ast

import pytest

from ganeti.errors import EXIT_UNKNOWN_FIELD, WrongInput
from ganeti.model.entity import evolve
from ganeti.query.instance import INSTANCES
from ganeti.query.short_names import ShortNames
from tests.cluster.world import first_state


def test_names_are_listed_below_their_title(gnt):
    assert gnt("instance", "list", "-o", "name").lines == ["Instance", "db1", "web1", "web2"]


def test_headers_can_be_left_out(gnt):
    assert gnt("instance", "list", "--no-headers", "-o", "name").lines == ["db1", "web1", "web2"]


def test_a_separator_is_for_programs_and_sizes_are_plain_then(gnt):
    ended = gnt("instance", "list", "--no-headers", "--separator=:", "-o", "name,be/maxmem,be/vcpus")
    assert ended.lines == ["db1:128:1", "web1:2048:2", "web2:2048:2"]


def test_names_of_devices_which_may_be_missing_are_python_literals(gnt):
    (line,) = gnt("instance", "list", "--no-headers", "--separator=|", "-o", "nic.names,disk.names", "web1").lines
    assert [ast.literal_eval(cell) for cell in line.split("|")] == [[None], [None]]


@pytest.mark.parametrize(("unit", "shown"), [("h", "2.0G"), ("m", "2048"), ("g", "2.0"), ("t", "0.0")])
def test_units_are_those_asked_for(gnt, unit, shown):
    assert gnt("instance", "list", "--no-headers", "--units", unit, "-o", "be/maxmem", "web1").lines == [shown]


def test_a_plus_adds_columns_to_the_usual_ones(gnt):
    usual = gnt("node", "list", "--separator=|").lines[0]
    assert gnt("node", "list", "--separator=|", "-o", "+role").lines[0] == f"{usual}|Role"


def test_an_unknown_column_is_warned_of_and_its_status_is_14(gnt):
    ended = gnt("instance", "list", "--no-headers", "-o", "name,colour", "web1")
    assert (ended.status, ended.lines) == (EXIT_UNKNOWN_FIELD, ["web1 ??"])
    assert ended.errors == "Warning: Queried for unknown fields colour\n"


def test_names_choose_and_so_do_patterns(gnt):
    assert gnt("instance", "list", "--no-headers", "-o", "status", "web2", "db1").lines == ["running", "ADMIN_down"]
    assert gnt("instance", "list", "--no-headers", "-o", "name", "web*").lines == ["web1", "web2"]


def test_names_stay_in_the_order_in_which_they_are_given(gnt):
    assert gnt("instance", "list", "--no-headers", "-o", "name", "web2", "d*", "web1").lines == ["web2", "db1", "web1"]
    numbers = [line.strip() for line in gnt("job", "list", "--no-headers", "-o", "id", "3", "1", "2").lines]
    assert numbers == ["3", "1", "2"]


@pytest.mark.parametrize(
    "words", [("instance", "list", "WEB1"), ("instance", "list-tags", "WEB1"), ("node", "info", "NODE1")]
)
def test_the_case_of_names_does_not_matter(gnt, words):
    assert gnt(*words).status == 0


def test_a_filter_takes_names_as_short_as_everything_else():
    state = first_state(nodes=3)
    state = state.changed([evolve(node, name=f"{node.name}.example.com") for node in state.nodes])
    meant = ShortNames(state, INSTANCES).meant
    assert meant("pnode", "node2") == meant("pnode", "NODE2.example") == "node2.example.com"
    assert meant("pnode", "node2.example.com") == "node2.example.com"
    assert (meant("pnode", "node9"), meant("os", "node2"), meant("oper_ram", 5)) == ("node9", "node2", 5)
    several = state.changed([evolve(state.nodes[0], uuid="other", name="node2.example.org")])
    with pytest.raises(WrongInput, match=r"'node2' fits several nodes: node2\.example\.com, node2\.example\.org"):
        ShortNames(several, INSTANCES).meant("pnode", "node2")


def test_a_filter_finds_by_short_names(gnt, background, cluster):
    named = evolve(cluster.node("node2"), name="node2.example.com")
    background.do(cluster.master.configuration.commit([named]))
    for condition in ('pnode == "node2"', '"node2" in snodes or pnode == "NODE2"', 'not pnode != "node2"'):
        assert gnt("instance", "list", "--no-headers", "-o", "name", "-F", condition).lines == ["db1"]
    background.do(cluster.master.configuration.commit([evolve(cluster.node("node2.example.com"), name="node2")]))


def test_a_name_that_nothing_has_is_an_error(gnt):
    ended = gnt("instance", "list", "web9")
    assert (ended.status, ended.output) == (1, "")
    assert "Instance 'web9' not known" in ended.errors


def test_a_filter_chooses(gnt):
    ended = gnt("instance", "list", "--no-headers", "-o", "name", "-F", 'pnode == "node2"')
    assert ended.lines == ["db1"]


def test_an_argument_that_cannot_be_a_name_is_a_filter(gnt):
    assert gnt("instance", "list", "--no-headers", "-o", "name", 'pnode == "node2"').lines == ["db1"]
    assert gnt("node", "list", "--no-headers", "-o", "name", "-F", "master").lines == ["node1"]
    assert "Node 'master' not known" in gnt("node", "list", "master").errors


@pytest.mark.parametrize(
    ("condition", "told"),
    [("nosuch == 1", "'nosuch', which does not exist"), ("statsu", "did you mean 'status'?"), ('status = "x"', "'=='")],
)
def test_a_filter_on_a_field_that_there_is_not_is_an_error(gnt, condition, told):
    ended = gnt("instance", "list", "-F", condition)
    assert (ended.status, ended.output) == (1, "")
    assert told in ended.errors


def test_a_filter_that_makes_no_sense_is_one_line(gnt):
    ended = gnt("instance", "list", "-F", "pnode ==")
    assert ended.status == 1
    assert "Traceback" not in ended.errors
    assert ended.output == ""


def test_a_filter_without_a_match_lists_nothing(gnt):
    ended = gnt("instance", "list", "--no-headers", "-F", 'pnode == "node3"')
    assert (ended.status, ended.output) == (0, "")


def test_the_state_of_instances_is_told_in_words(gnt):
    ended = gnt("instance", "list", "--no-headers", "--separator=,", "-o", "name,status")
    assert ended.lines == ["db1,ADMIN_down", "web1,running", "web2,running"]


@pytest.mark.parametrize("script", ["instance", "node", "job"])
def test_every_column_that_is_described_can_be_listed(gnt, script):
    names = [line.split("|")[0] for line in gnt(script, "list-fields", "--no-headers", "--separator=|").lines]
    assert "name" in names or "id" in names
    assert gnt(script, "list", "-o", ",".join(names)).status == 0


def test_fields_that_are_named_are_described_alone(gnt):
    (line,) = gnt("instance", "list-fields", "--no-headers", "--separator=|", "name").lines
    assert line.startswith("name|Text|Instance|")


def test_an_unknown_field_has_no_description(gnt):
    assert gnt("instance", "list-fields", "colour").status == EXIT_UNKNOWN_FIELD


def test_locks_are_a_list_as_well(gnt):
    assert gnt("debug", "locks", "-o", "name,mode").status == 0
    assert gnt("debug", "locks", "-o", "colour").status == EXIT_UNKNOWN_FIELD
