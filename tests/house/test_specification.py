# SPDX-License-Identifier: BSD-2-Clause
"""Every promise of docs/SPECIFICATION.md is held by something that is there, or says that it is not."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]+-\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
PROMISES = ROW.findall((ROOT / "docs/SPECIFICATION.md").read_text())


@pytest.mark.parametrize("holders", [pytest.param(holders, id=name) for name, _, holders in PROMISES])
def test_what_holds_a_promise_is_there(holders):
    if holders == "pending":
        return
    for holder in holders.split(", "):
        path, _, name = holder.strip("`").partition("::")
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / path).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in functions, holder


def test_a_promise_has_a_number_of_its_own():
    names = [name for name, _, _ in PROMISES]
    assert len(names) > 40
    assert len(names) == len(set(names))


def test_every_row_is_read():
    lines = (ROOT / "docs/SPECIFICATION.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| id", "| ---"))]
    assert len(rows) == len(PROMISES)
