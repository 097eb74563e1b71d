# SPDX-License-Identifier: BSD-2-Clause
import pytest

from ganeti.placement.figures import decimals


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 8, "0.00000000"),
        (9.123196875, 8, "9.12319688"),
        (7.283495625, 8, "7.28349562"),
        (1.125, 2, "1.12"),
        (float("nan"), 2, "NaN"),
        (float("-inf"), 2, "-Infinity"),
    ],
)
def test_the_shortest_spelling_is_rounded_halves_to_even(value, digits, text):
    assert decimals(value, digits) == text
