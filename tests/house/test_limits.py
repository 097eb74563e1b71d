# SPDX-License-Identifier: BSD-2-Clause
"""docs/contributing/limits.md says what the constants are."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| .+? \| ([\d,.]+)(?: (MiB|s))? \| `([\w.]+):(\w+)` \|", re.MULTILINE)
LIMITS = ROW.findall((ROOT / "docs/contributing/limits.md").read_text())
UNITS = {"": 1, "s": 1, "MiB": 1024**2}
# Where messages travel: nothing there may wait for a time that the page does not tell.
TALKING = ("rpc", "luxi", "config", "jobs", "api", "daemons")


@pytest.mark.parametrize(("value", "unit", "module", "name"), LIMITS, ids=[f"{m}:{n}" for _, _, m, n in LIMITS])
def test_a_limit_is_what_the_page_says(value, unit, module, name):
    assert getattr(import_module(module), name) == float(value.replace(",", "")) * UNITS[unit]


def test_every_row_is_read():
    rows = re.findall(r"^\| .*`ganeti\.", (ROOT / "docs/contributing/limits.md").read_text(), re.MULTILINE)
    assert len(rows) == len(LIMITS)


def times(path):
    """The constants of a module that are seconds, which are floats everywhere."""
    for node in ast.parse(path.read_text()).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, float)
        ):
            yield from (target.id for target in node.targets)


def test_every_time_is_on_the_page():
    source = ROOT / "src"
    files = [path for room in TALKING for path in (source / "ganeti" / room).rglob("*.py")]
    files.append(source / "ganeti/model/timing.py")
    told = {(module, name) for _, _, module, name in LIMITS} | {("ganeti.model.timing", "CLIENT")}  # not ours
    named = {(".".join(path.relative_to(source).with_suffix("").parts), name) for path in files for name in times(path)}
    assert named
    assert sorted(named - told) == []
