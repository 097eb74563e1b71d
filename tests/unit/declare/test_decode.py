# SPDX-License-Identifier: BSD-2-Clause
"""Untyped input becomes typed values, or an error that a person can act on."""

from typing import Annotated, ClassVar, Literal

import pytest
from msgspec import Meta, Struct

from ganeti.declare.decode import decode, decode_texts, from_text
from ganeti.declare.explain import Place, unknown
from ganeti.declare.item import Item
from ganeti.declare.parameter import param, parameters_of
from ganeti.declare.types import HostName, Name, Positive, PositiveSize, Size
from ganeti.errors import WrongInput


class Slice(Item, frozen=True, kw_only=True):
    noun: ClassVar[str] = "Slice"

    size: Annotated[PositiveSize, param("A size")]
    spindles: Annotated[Positive | None, param("A number")] = None
    kind: Annotated[Literal["thick", "thin"], param("How")] = "thick"
    label: Annotated[Name | None, param("A text")] = None
    spare: Annotated[bool, param("Not there", unsupported=True)] = False


class Volume(Item, frozen=True, kw_only=True):
    noun: ClassVar[str] = "Volume"
    further: ClassVar[tuple[str, str] | None] = ("more", "maker")

    size: Annotated[Size, param("A size")]
    maker: Annotated[Name | None, param("Who understands more")] = None
    more: Annotated[dict[Name, Name], Meta(max_length=2), param("What the maker understands")] = {}


class Limits(Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    most_slices: Annotated[Positive, param("A number")] = 1


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[HostName, param("A name")]
    count: Annotated[Positive | None, param("A number", "--count")] = None
    mode: Annotated[Literal["live", "non-live", "magic"] | None, param("How", unsupported=("magic",))] = None
    size: Annotated[Size, param("A size")] = 4
    on: Annotated[bool, param("A switch")] = False
    items: Annotated[list[str], param("Some things")] = []
    slices: Annotated[list[Slice], Meta(max_length=3), param("Slices")] = []
    volumes: Annotated[list[Volume], param("Volumes")] = []
    limits: Annotated[tuple[Limits, ...], param("Limits")] = ()
    later: Annotated[bool | None, param("What comes later", "--later", unsupported=True)] = None
    old: Annotated[bool, param("What was", "--old", accepted="it is always so")] = False


def wrong(value, cls=Example):
    with pytest.raises(WrongInput) as caught:
        decode(value, cls, "OP_EXAMPLE")
    return caught.value.message


def slices(*given):
    return {"name": "a", "slices": list(given)}


def test_a_value_that_fits_is_taken():
    assert decode({"name": "a.b", "count": 3}, Example, "OP_EXAMPLE") == Example(name="a.b", count=3)


def test_a_missing_parameter_is_named():
    assert wrong({}) == "OP_EXAMPLE: parameter 'name' is missing"


def test_the_option_that_gives_a_missing_parameter_is_named_too():
    class Move(Struct, frozen=True, kw_only=True):
        node: Annotated[HostName, param("A node", "-n", "--node")]

    assert wrong({}, Move) == "OP_EXAMPLE: parameter 'node' is missing (-n)"


def test_for_an_unknown_parameter_the_nearest_name_is_suggested():
    assert wrong({"name": "a", "coutn": 1}) == "OP_EXAMPLE: there is no parameter 'coutn'; did you mean 'count'?"


def test_for_a_name_like_no_other_those_that_are_known_are_told():
    told = wrong({"name": "a", "xyzzy": 1})
    assert "there is no parameter 'xyzzy'; known are count, items, later, limits, mode, name" in told


def test_of_many_known_names_those_that_are_least_unlike_it_are_told():
    names = [f"{letter}_{number}" for letter in "abcdef" for number in range(5)]
    told = unknown("memory_max", [*names, "memory", "maxmem"], Place(), "Instance 1")
    assert told.startswith("Instance 1: there is no parameter 'memory_max'; did you mean 'memory'?")
    told = unknown("zz", [*names, "memory", "maxmem"], Place(), "Instance 1")
    assert told.endswith(f" and {len(names) + 2 - 8} others")
    assert len(told) < 140


def test_a_value_outside_a_closed_list_is_told_with_the_list():
    told = wrong({"name": "a", "mode": "fast"})
    assert told == "Parameter 'mode': 'fast' is not allowed; choose from live, non-live"


def test_a_number_that_is_out_of_bounds_is_told_with_the_bound():
    assert wrong({"name": "a", "count": 0}) == "Parameter 'count': expected a whole number of at least 1"
    assert wrong({"name": "a", "count": 10**30}).startswith("Parameter 'count': ")
    assert wrong({"name": "a", "size": 2**40}) == "Parameter 'size': expected a whole number of at most 17179869184"


def test_a_wrong_type_is_told_in_words():
    assert wrong({"name": "a", "on": "yes"}) == "Parameter 'on': expected true or false, not a text"
    assert wrong({"name": "a", "items": [1]}) == "Parameter 'items[0]': expected a text, not a whole number"
    assert wrong([]) == "OP_EXAMPLE: expected an object with keys and values, not a list"


def test_everything_that_is_wrong_is_told_in_the_order_in_which_it_was_given():
    given = {
        "mode": "fast",
        "items": [1, "b", 2],
        "count": "x",
        "nmae": 1,
        "slices": [{"size": []}, {"spindles": 0, "color": "red"}],
        "limits": [{"most-slices": 1}, {"most-slices": 0}],
    }
    assert wrong(given).splitlines() == [
        "Parameter 'mode': 'fast' is not allowed; choose from live, non-live",
        "Parameter 'items[0]': expected a text, not a whole number",
        "Parameter 'items[2]': expected a text, not a whole number",
        "Parameter 'count': expected a whole number or nothing, not a text",
        "OP_EXAMPLE: there is no parameter 'nmae'; did you mean 'name'?",
        "Slice 0: parameter 'size': expected a whole number, not a list",
        "Slice 1: parameter 'spindles': expected a whole number of at least 1",
        "Slice 1: there is no parameter 'color'; known are kind, label, size, spare, spindles",
        "Slice 1: parameter 'size' is missing",
        "Parameter 'limits[1].most-slices': expected a whole number of at least 1",
        "OP_EXAMPLE: parameter 'name' is missing",
    ]


def test_no_more_errors_are_told_than_somebody_reads():
    told = wrong({"name": "a", "items": [1] * 100000}).splitlines()
    assert len(told) == 21
    assert told[-1] == "... and more"


def test_what_was_given_is_told_in_so_far_as_a_message_can_bear_it():
    assert len(wrong({"name": "a", "x" * 100000: 1, "mode": "y" * 100000})) < 1000


def test_a_list_that_is_too_long_is_refused_as_a_whole():
    assert wrong(slices(*[{}] * 4)) == "Parameter 'slices': expected a list with at most 3 items"


def test_values_of_an_item_may_be_texts_as_a_command_line_gives_them():
    taken = decode(slices({"size": "1g", "spindles": "3", "kind": "none", "label": ""}), Example, "OP_EXAMPLE")
    assert taken.slices == [Slice(size=1024, spindles=3)]
    assert decode(slices({"size": 64, "label": "none"}), Example, "OP_EXAMPLE").slices == [Slice(size=64)]


def taken_volume(**given):
    return decode({"name": "a", "volumes": [given]}, Example, "OP_EXAMPLE").volumes[0]


def test_what_an_item_has_no_field_for_is_gathered_if_somebody_is_named_who_understands_it():
    volume = taken_volume(size="1g", maker="san", pool="fast", copies=2)
    assert volume == Volume(size=1024, maker="san", more={"pool": "fast", "copies": "2"})
    assert taken_volume(size=1024, maker="san", more={"copies": "2"}, pool="fast") == volume
    assert taken_volume(size=1024, maker="san", more={"copies": "2", "pool": "fast"}) == volume


def test_what_an_item_gathers_is_checked_and_without_anybody_named_there_is_nothing_to_gather():
    assert "Volume 0: there is no parameter 'pool'" in wrong({"name": "a", "volumes": [{"size": 1, "pool": "fast"}]})
    assert wrong({"name": "a", "volumes": [{"size": 1, "maker": "san", "pool": [1]}]}).startswith("Volume 0: ")
    assert wrong({"name": "a", "volumes": [{"size": 1, "maker": "san", "more": 1, "b": "2"}]}).startswith("Volume 0: ")
    many = {"size": 1, "maker": "san", "a": "1", "b": "2", "c": "3"}
    assert wrong({"name": "a", "volumes": [many]}).startswith("Volume 0: parameter 'more'")


def test_a_size_may_have_a_unit_wherever_it_stands():
    assert decode({"name": "a", "size": "1.5g"}, Example, "OP_EXAMPLE").size == 1536


@pytest.mark.parametrize("value", [None, 1.5, True, [], {}, "", "1g1", "-1", -1, 0, "0", "99999999999t", float("nan")])
def test_what_is_no_size_of_a_disk_is_refused_and_the_disk_is_named(value):
    assert wrong(slices({"size": 64}, {"size": value})).startswith("Slice 1: parameter 'size': ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "a", "later": True}, "Parameter 'later' is not supported yet"),
        ({"name": "a", "later": False}, "Parameter 'later' is not supported yet"),
        ({"name": "a", "mode": "magic"}, "Parameter 'mode': 'magic' is not supported yet; choose from live, non-live"),
        (slices({"size": 1, "spare": True}), "Slice 0: parameter 'spare' is not supported yet"),
    ],
)
def test_what_is_not_supported_is_refused(given, told):
    assert wrong(given) == told


def test_the_default_of_what_is_not_supported_is_taken():
    assert decode({"name": "a", "later": None}, Example, "OP_EXAMPLE").later is None


def test_what_is_not_supported_is_told_with_everything_else():
    assert wrong({"name": "a", "later": True, "count": 0}).splitlines() == [
        "Parameter 'later' is not supported yet",
        "Parameter 'count': expected a whole number of at least 1",
    ]


def test_the_help_of_what_has_no_effect_says_so():
    assert parameters_of(Example)["old"].help == "What was (no effect: it is always so)"
    assert parameters_of(Example)["mode"].choices == ("live", "non-live")


def test_all_values_of_a_command_line_are_texts():
    texts = {"name": "a", "count": "3", "on": "yes", "items": "a,b", "size": "1g"}
    assert decode_texts(texts, Example, "-B") == Example(name="a", count=3, on=True, items=["a", "b"], size=1024)
    with pytest.raises(WrongInput) as caught:
        decode_texts({"name": "a", "count": "x", "on": "perhaps"}, Example, "-B")
    assert caught.value.message.splitlines() == [
        "Parameter 'count': 'x' is not a whole number",
        "Parameter 'on': 'perhaps' is neither yes nor no",
    ]


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
