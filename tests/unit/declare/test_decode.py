# SPDX-License-Identifier: BSD-2-Clause
"""Untyped input becomes typed values, or an error that a person can act on."""

from typing import Annotated, Literal

import pytest
from msgspec import Struct

from ganeti.declare.decode import decode, from_text
from ganeti.declare.parameter import param, parameters_of
from ganeti.declare.types import HostName, Positive, Size
from ganeti.errors import WrongInput


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[HostName, param("A name")]
    count: Annotated[Positive | None, param("A number", "--count")] = None
    mode: Annotated[Literal["live", "non-live"] | None, param("How")] = None
    size: Annotated[Size, param("A size")] = 4
    on: Annotated[bool, param("A switch")] = False
    items: Annotated[list[str], param("Some things")] = []


def wrong(value):
    with pytest.raises(WrongInput) as caught:
        decode(value, Example, "OP_EXAMPLE")
    return caught.value.message


def test_a_value_that_fits_is_taken():
    assert decode({"name": "a.b", "count": 3}, Example, "OP_EXAMPLE") == Example(name="a.b", count=3)


def test_a_missing_parameter_is_named():
    assert wrong({}) == "OP_EXAMPLE: parameter 'name' is missing"


def test_an_unknown_parameter_is_named_with_those_that_are_known():
    told = wrong({"name": "a", "nmae": 1})
    assert "there is no parameter 'nmae'" in told
    assert "count, items, mode, name, on, size" in told


def test_a_value_outside_a_closed_list_is_told_with_the_list():
    assert wrong({"name": "a", "mode": "fast"}) == "Parameter 'mode': 'fast' is not allowed; choose from live, non-live"


def test_a_number_that_is_too_small_is_told_with_the_bound():
    assert wrong({"name": "a", "count": 0}) == "Parameter 'count': expected a whole number of at least 1"


def test_a_wrong_type_is_told_in_words():
    assert wrong({"name": "a", "on": "yes"}) == "Parameter 'on': expected true or false, not a text"
    assert wrong({"name": "a", "items": [1]}) == "Parameter 'items[0]': expected a text, not a whole number"


@pytest.mark.parametrize("name", ["../etc", "a b", "a;b", "-a", "", "a/b", "$(reboot)", "a\n"])
def test_a_name_that_tries_to_leave_or_to_reach_a_shell_is_refused(name):
    assert "expected a host name" in wrong({"name": name})


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("count", "3", 3),
        ("size", "1g", 1024),
        ("on", "yes", True),
        ("items", "a,b", ["a", "b"]),
        ("mode", "live", "live"),
    ],
)
def test_a_text_becomes_a_value_of_its_parameters_type(name, given, value):
    assert from_text(given, parameters_of(Example)[name]) == value


def test_a_declaration_reads_back_with_help_flags_kind_and_default():
    count, mode, size = (parameters_of(Example)[name] for name in ("count", "mode", "size"))
    assert (count.help, count.flags, count.kind, count.default, count.nullable) == (
        "A number",
        ("--count",),
        int,
        None,
        True,
    )
    assert mode.choices == ("live", "non-live")
    assert (size.kind, size.default, size.required) == ("size", 4, False)
    assert parameters_of(Example)["name"].required
