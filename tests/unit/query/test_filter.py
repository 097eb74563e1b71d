# SPDX-License-Identifier: BSD-2-Clause
"""The filter language of lists."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti.errors import WrongInput
from ganeti.query.filter import Filter, names_filter, parse

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


def test_the_fields_that_a_filter_looks_at_are_known():
    assert Filter(parse("a == 1 and (b or 'x' in c)")).fields == {"a", "b", "c"}


@given(st.text(max_size=40))
def test_no_text_makes_the_parser_fail_in_another_way(text):
    with contextlib.suppress(WrongInput):
        parse(text)
