# SPDX-License-Identifier: BSD-2-Clause
"""The filter language of lists."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti.declare.types import LONGEST_TEXT, MOST_NAMES
from ganeti.errors import WrongInput
from ganeti.query.filter import DEEPEST, MOST_TESTS, Filter, names_filter
from ganeti.query.language import parse
from ganeti.query.pattern import MOST_PATTERNS

ROWS = [
    {"name": "web1", "vcpus": 2, "tags": ["http", "blue"], "up": True, "group": "rack1"},
    {"name": "web2", "vcpus": 4, "tags": [], "up": False, "group": "rack2"},
    {"name": "db1", "vcpus": 4, "tags": ["sql"], "up": True, "group": None},
]


def names(wire):
    test = Filter(wire).bind(lambda field: lambda row: row.get(field))
    return [row["name"] for row in ROWS if test(row)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('name == "web1"', ["web1"]),
        ("vcpus == 4", ["web2", "db1"]),
        ("vcpus != 4", ["web1"]),
        ("vcpus >= 2 and vcpus < 4", ["web1"]),
        ("up", ["web1", "db1"]),
        ("not up", ["web2"]),
        ('name =* "web*"', ["web1", "web2"]),
        ('name !* "web*"', ["db1"]),
        ("name =~ m/^WEB/i", ["web1", "web2"]),
        ("name !~ m#^web#", ["db1"]),
        ("'http' in tags", ["web1"]),
        ("'http' not in tags", ["web2", "db1"]),
        ("(vcpus == 2 or vcpus == 4) and group =~ m/^rack/", ["web1", "web2"]),
        ('up and vcpus == 2 or name == "web2"', ["web1", "web2"]),
        ("not (up and vcpus == 4)", ["web1", "web2"]),
        ('group > "rack1"', ["web2"]),
    ],
)
def test_filters_mean_what_the_manual_says(text, found):
    assert names(parse(text)) == found


def test_the_wire_form_is_a_nested_list():
    assert parse("a == 1 and not b") == ["&", ["=", "a", 1], ["!", ["?", "b"]]]


@pytest.mark.parametrize("text", ["name ===", "and", "name == ", "(up", "up)", "name =~ 'x'", "3", "'a' in", "§"])
def test_what_cannot_be_understood_is_pointed_at(text):
    with pytest.raises(WrongInput) as caught:
        parse(text)
    assert caught.value.message.endswith("^")


@pytest.mark.parametrize("wire", [["^", "a"], ["=", "a"], [], "name", ["=~", "a", "("], ["!", ["?"]]])
def test_a_wire_form_that_makes_no_sense_is_refused(wire):
    with pytest.raises(WrongInput):
        Filter(wire).bind(lambda field: lambda row: row.get(field))


def test_names_may_hold_wildcards():
    assert names(names_filter(["db1", "web*"])) == ["web1", "web2", "db1"]
    assert names_filter([]) is None


def test_wildcards_fit_whole_values():
    assert names(names_filter(["b*"])) == []
    assert names(names_filter(["?b1"])) == ["db1"]


@pytest.mark.parametrize("expression", ["^(a+)+$", "(a|aa)*c", "(.*)*(.*)*(.*)*x"])
def test_an_expression_that_would_go_back_and_forth_takes_no_longer_than_others(expression):
    test = Filter(["=~", "name", expression]).bind(lambda field: lambda row: row[field])
    assert not test({"name": "a" * 100_000 + "b"})


def deep(levels):
    return ["?", "up"] if levels == 0 else ["!", deep(levels - 1)]


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        (deep(DEEPEST - 1), deep(DEEPEST)),
        (["&", *[["?", "up"]] * (MOST_TESTS - 1)], ["&", *[["?", "up"]] * MOST_TESTS]),
        (["&", *[["&"]] * (MOST_TESTS - 1)], ["&", *[["&"]] * MOST_TESTS]),
        (names_filter(["w*"] * MOST_PATTERNS), names_filter(["w*"] * (MOST_PATTERNS + 1))),
        (names_filter(["web1"] * MOST_NAMES), names_filter(["web1"] * (MOST_NAMES + 1))),
        (["=~", "name", "a" * LONGEST_TEXT], ["=~", "name", "a" * (LONGEST_TEXT + 1)]),
        (["=*", "name", "a" * LONGEST_TEXT], ["=*", "name", "a" * (LONGEST_TEXT + 1)]),
        (["=~", "name", "(a?){500}a{500}"], ["=~", "name", "(a?){1000}a{1000}"]),
        (["|", *[["=~", "name", "a{1000}"]] * 4], ["|", *[["=~", "name", "a{1000}"]] * 5]),
    ],
    ids=["depth", "conditions", "empty parts", "patterns", "names", "expression", "wildcards", "complex", "in all"],
)
def test_a_filter_has_limits(allowed, refused):
    names(allowed)
    with pytest.raises(WrongInput, match=r"more than|at most|too complex"):
        names(refused)


def test_a_long_text_is_searched_with_simple_patterns_only():
    def found(pattern):
        return Filter(["=~", "name", pattern]).bind(lambda field: lambda row: row[field])({"name": "a" * 100_000})

    assert not found("a+b")
    with pytest.raises(WrongInput, match="too complex for a text of 100000 characters"):
        found("(a?){500}b")


@pytest.mark.parametrize("text", ["(" * 5000, "not " * 1000, "(" * DEEPEST + "up", "a == 1" + "0" * 30])
def test_a_text_has_limits_too(text):
    with pytest.raises(WrongInput):
        parse(text)


def test_an_unfinished_expression_is_refused_at_once():
    with pytest.raises(WrongInput):
        parse("name =~ m/" + r"\a" * 2000)


@pytest.mark.parametrize("wire", [["=[]", "name", 1], ["=[]", "vcpus", "x"], ["<", "tags", 1], ["=", "tags", ["x"]]])
def test_what_cannot_be_compared_is_not_equal(wire):
    assert names(wire) == []


def test_the_fields_that_a_filter_looks_at_are_known():
    assert Filter(parse("a == 1 and (b or 'x' in c)")).fields == {"a", "b", "c"}


@given(st.text(max_size=40))
def test_no_text_makes_the_parser_fail_in_another_way(text):
    with contextlib.suppress(WrongInput):
        parse(text)
