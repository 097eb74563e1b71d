# SPDX-License-Identifier: BSD-2-Clause
"""What a query's answer looks like."""

import pytest

from ganeti.cli.table import align, plain, render
from ganeti.declare.field import FieldKind, ValueStatus

FIELDS = [
    {"name": "name", "title": "Instance", "kind": FieldKind.TEXT, "doc": ""},
    {"name": "mem", "title": "Memory", "kind": FieldKind.UNIT, "doc": ""},
]


def table(*rows, kinds=None):
    fields = FIELDS if kinds is None else [{"title": str(kind), "kind": kind} for kind in kinds]
    return {"fields": fields, "data": [[(ValueStatus.NORMAL, cell) for cell in row] for row in rows]}


def one(kind, value, status=ValueStatus.NORMAL, **how):
    answer = {"fields": [{"title": "T", "kind": kind}], "data": [[(status, value)]]}
    return render(answer, headers=False, **how)


def test_text_stands_left_and_numbers_right_below_their_titles():
    assert render(table(["web1", 512], ["a.long.name", 2048])) == [
        "Instance    Memory",
        "web1          512M",
        "a.long.name   2.0G",
    ]


def test_a_column_can_be_told_in_words_of_its_own_where_it_has_a_value():
    fields = [{"name": "group_list", "title": "Groups", "kind": "other"}]
    table = {"fields": fields, "data": [[[0, [["a", "b"]]]], [[3, None]]]}
    lines = render(table, headers=False, wordings={"group_list": lambda pairs: " and ".join(map("/".join, pairs))})
    assert lines == ["a/b", "-"]


def test_no_line_ends_in_blanks():
    lines = render(table(["x", "y"], ["xxxx", ""], kinds=[FieldKind.NUMBER, FieldKind.TEXT]))
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_separator_stands_between_cells_as_they_are():
    assert render(table(["web1", 2048]), separator="|") == ["Instance|Memory", "web1|2048"]


def test_without_rows_the_titles_are_left_and_without_titles_nothing():
    assert render(table()) == ["Instance Memory"]
    assert render(table(), headers=False) == []


@pytest.mark.parametrize(("units", "shown"), [(None, "1.5G"), ("h", "1.5G"), ("m", "1536"), ("g", "1.5"), ("t", "0.0")])
def test_sizes_are_shown_in_the_unit_that_is_asked_for(units, shown):
    assert one(FieldKind.UNIT, 1536, units=units) == [shown]


def test_a_unit_that_is_asked_for_counts_with_a_separator_too():
    assert one(FieldKind.UNIT, 1536, units="h", separator=":") == ["1.5G"]


@pytest.mark.parametrize(
    ("status", "short", "long"),
    [
        (ValueStatus.UNKNOWN, "??", "(unknown)"),
        (ValueStatus.NO_DATA, "?", "(nodata)"),
        (ValueStatus.UNAVAILABLE, "-", "(unavail)"),
        (ValueStatus.OFFLINE, "*", "(offline)"),
    ],
)
def test_what_is_missing_is_shown_by_a_sign_or_in_words(status, short, long):
    assert one(FieldKind.UNIT, None, status) == [short]
    assert one(FieldKind.UNIT, None, status, verbose=True) == [long]


def test_booleans_lists_and_times_are_shown_for_people(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    assert one(FieldKind.BOOL, True) == ["Y"]
    assert one(FieldKind.BOOL, False) == ["N"]
    assert one(FieldKind.OTHER, ["a", None, "b"]) == ["a,,b"]
    assert one(FieldKind.TIMESTAMP, 0)[0].startswith("19")


@pytest.mark.parametrize(("value", "shown"), [(None, ""), ([], ""), ([1, 2], "1,2"), ({"a": 1}, "{'a': 1}")])
def test_a_plain_value(value, shown):
    assert plain(value) == shown


def test_columns_are_as_wide_as_their_widest_cell():
    assert align([["a", "1"], ["bbb", "22"]], [False, True]) == ["a    1", "bbb 22"]
