# SPDX-License-Identifier: BSD-2-Clause
"""Two trees are compared by what they measured in turn."""

from benchmarks.against import changes, read


def test_a_ratio_is_that_of_the_medians_and_its_spread_that_of_any_two_turns():
    then = [{"a_ms": (10.0, "ms")}, {"a_ms": (20.0, "ms")}]
    now = [{"a_ms": (30.0, "ms")}, {"a_ms": (15.0, "ms")}]
    (change,) = changes(then, now)
    assert (change.then, change.now, change.ratio) == (15.0, 22.5, 1.5)
    assert (change.low, change.high) == (0.75, 3.0)


def test_what_only_one_of_them_measures_is_left_out():
    both, new = {"a": (1.0, "s")}, {"a": (1.0, "s"), "b": (2.0, "s")}
    assert [change.name for change in changes([both], [new])] == ["a"]


def test_figures_are_read_from_among_other_lines():
    assert read('Fetching ...\n{"name": "a", "value": 2, "unit": "s"}\n') == {"a": (2.0, "s")}
