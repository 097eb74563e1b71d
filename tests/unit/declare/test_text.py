# SPDX-License-Identifier: BSD-2-Clause
"""How values are written on a command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeti.declare import text
from ganeti.errors import WrongInput


@pytest.mark.parametrize(
    ("given", "mib"),
    [("512", 512), ("512m", 512), ("1g", 1024), ("1.5G", 1536), ("2t", 2097152), (" 4 MiB ", 4), ("1", 4), ("5", 8)],
)
def test_a_size_is_in_mib_unless_a_unit_says_otherwise_and_a_multiple_of_four(given, mib):
    assert text.parse_size(given, "Parameter 'size'") == mib


@pytest.mark.parametrize("given", ["", "g", "1x", "-1", "1g1", "NaN", "0x10"])
def test_what_is_no_size_is_refused_with_the_parameter_and_an_example(given):
    with pytest.raises(WrongInput, match=r"Parameter 'size': .* is not a size; .*1\.5g"):
        text.parse_size(given, "Parameter 'size'")


def test_key_values_know_bare_negated_and_reset_keys():
    assert text.parse_keyval("maxmem=1g,acpi,no_vga,-vcpus", "-B") == {
        "maxmem": "1g",
        "acpi": True,
        "vga": False,
        "vcpus": text.RESET,
    }


def test_a_backslash_takes_the_meaning_from_a_comma():
    assert text.parse_keyval(r"a=1\,2,b=3", "-O") == {"a": "1,2", "b": "3"}


@pytest.mark.parametrize("given", ["a=1,a=2", "=3"])
def test_a_key_that_is_empty_or_given_twice_is_refused(given):
    with pytest.raises(WrongInput):
        text.parse_keyval(given, "-B")


def test_an_identifier_stands_before_the_colon():
    assert text.parse_identkeyval("0:size=1g,mode=ro", "--disk") == ("0", {"size": "1g", "mode": "ro"})
    assert text.parse_identkeyval("kvm", "-H") == ("kvm", {})
    with pytest.raises(WrongInput, match="begin with an identifier"):
        text.parse_identkeyval("size=1g", "--disk")


@pytest.mark.parametrize(
    ("mib", "shown"), [(64, "64M"), (1023, "1023M"), (1024, "1.0G"), (1536, "1.5G"), (3145728, "3.0T")]
)
def test_sizes_are_shown_with_the_unit_that_suits_them(mib, shown):
    assert text.format_size(mib) == shown


@given(st.integers(0, 10**9))
def test_a_shown_size_in_mib_reads_back_to_at_least_itself(mib):
    assert text.parse_size(text.format_size(mib, "m"), "size") >= mib


@pytest.mark.parametrize(("given", "seconds"), [("30", 30), ("15m", 900), ("4h", 14400), ("1d", 86400), ("1w", 604800)])
def test_ages_have_units(given, seconds):
    assert text.parse_age(given, "age") == seconds
