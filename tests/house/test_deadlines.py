# SPDX-License-Identifier: BSD-2-Clause
"""A deadline in a test of real daemons is there for hangs: it never decides how fast something must be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests/real").rglob("*.py"))
LEAST = 60  # seconds
WAITING = ("timeout", "wait_for", "settimeout")


def short(source):
    """Waits that end after less than that."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        limits = [keyword.value for keyword in node.keywords if keyword.arg in ("timeout", "patience")]
        limits += node.args[-1:] if ast.unparse(node.func).rpartition(".")[2] in WAITING else []
        if any(isinstance(limit, ast.Constant) and 0 < (limit.value or 0) < LEAST for limit in limits):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_deadline_is_shorter_than_what_only_a_hang_takes(path):
    assert list(short(path.read_text())) == []


def test_short_ones_are_seen():
    source = (
        "run('x', timeout=5); asyncio.timeout(59.5); eventually(f, patience=20); run('x', timeout=60); wait_for(f, 300)"
    )
    assert list(short(source)) == ["run('x', timeout=5)", "asyncio.timeout(59.5)", "eventually(f, patience=20)"]
