# SPDX-License-Identifier: BSD-2-Clause
"""Node groups, as commands show and change them."""

import shlex

import pytest


@pytest.fixture(autouse=True)
def restored(gnt):
    yield
    gnt("group", "modify", "--ipolicy-bounds-specs=default", "--ipolicy-vcpu-ratio=default", "default")
    gnt("group", "modify", "--node-parameters=spindle_count=default", "default")


def test_what_was_changed_is_told(gnt):
    ended = gnt("group", "modify", "--node-parameters=spindle_count=12", "--ipolicy-vcpu-ratio=2", "default")
    assert (ended.status, ended.lines) == (
        0,
        ["Modified node group default", " - ndparams -> {'spindle_count': 12}", " - ipolicy -> {'vcpu-ratio': 2.0}"],
    )


def test_info_marks_what_comes_from_the_cluster(gnt):
    gnt("group", "modify", "--node-parameters=spindle_count=12", "--ipolicy-vcpu-ratio=2", "default")
    lines = [line.strip() for line in gnt("group", "info", "default").lines]
    assert {"- Node group: default", "spindle_count: 12", "ssh_port: default (22)"} <= set(lines)
    assert {"vcpu-ratio: 2.0", "spindle-ratio: default (32.0)"} <= set(lines)


def test_the_command_that_is_shown_makes_a_group_with_the_same_bounds(gnt):
    bounds = "min:memory-size=1/max:memory-size=64"
    assert gnt("group", "show-ispecs-cmd").lines == ["gnt-group add default"]
    assert gnt("group", "modify", f"--ipolicy-bounds-specs={bounds}", "default").status == 0
    (shown,) = gnt("group", "show-ispecs-cmd", "default").lines
    script, *words, name = shlex.split(shown)
    assert (script, name) == ("gnt-group", "default")
    assert gnt("group", *words, "copy").status == 0
    assert gnt("group", "show-ispecs-cmd", "copy").lines == [shown.removesuffix("default") + "copy"]
    assert gnt("group", "remove", "copy").status == 0
    (whole,) = gnt("group", "show-ispecs-cmd", "--include-defaults", "default").lines
    assert whole == shown


def test_the_clusters_sizes_are_shown_as_a_command_too(gnt):
    (shown,) = gnt("cluster", "show-ispecs-cmd").lines
    assert shown.startswith("gnt-cluster init --ipolicy-std-specs cpu-count=1,")
    assert " --ipolicy-bounds-specs min:" in shown
    assert shown.endswith(" cluster")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("modify", "default"), "Nothing to change"),
        (("modify", "--ipolicy-vcpu-ratio=many", "default"), "'many' is not a number"),
        (("add", "a b"), "expected a name of letters"),
        (("assign-nodes", "default"), "at least 2 argument"),
        (("info", "rack9"), "'rack9' not known"),
    ],
)
def test_what_makes_no_sense_is_told(gnt, words, told):
    ended = gnt("group", *words)
    assert ended.status == 1
    assert told in ended.errors
