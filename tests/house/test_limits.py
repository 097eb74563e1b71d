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
SOURCE = ROOT / "src/ganeti"
# A lab waits for machines of its own, and the htools compute.
FILES = [
    p for p in SOURCE.rglob("*.py") if not str(p.relative_to(SOURCE)).startswith(("lab/", "cli/htools/", "placement/"))
]
NO_TIMES = {
    ("ganeti.model.report", "_ALIKE"),
    ("ganeti.model.timing", "CLIENT"),  # not ours
    ("ganeti.node.hypervisor.fake", "_BUSY"),
    ("ganeti.node.storage.fake", "_USABLE"),
    ("ganeti.node.storage.lvm.reported", "_USABLE"),
    ("ganeti.operations.cluster.verify.checks.certificates", "_DAY"),
}
WAITING = ("sleep", "timeout", "timeout_at", "wait", "wait_for", "settimeout")


@pytest.mark.parametrize(("value", "unit", "module", "name"), LIMITS, ids=[f"{m}:{n}" for _, _, m, n in LIMITS])
def test_a_limit_is_what_the_page_says(value, unit, module, name):
    assert getattr(import_module(module), name) == float(value.replace(",", "")) * UNITS[unit]


def test_every_row_is_read():
    rows = re.findall(r"^\| .*`ganeti\.", (ROOT / "docs/contributing/limits.md").read_text(), re.MULTILINE)
    assert len(rows) == len(LIMITS)


def times(path):
    """The constants of a module that are seconds, which are floats everywhere."""
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for node in ast.parse(path.read_text()).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from ((module, name) for name in names if isinstance(getattr(import_module(module), name, None), float))


def test_every_time_is_on_the_page():
    told = {(module, name) for _, _, module, name in LIMITS}
    named = {time for path in FILES for time in times(path)}
    assert named >= NO_TIMES
    assert sorted(named - told - NO_TIMES) == []


def unnamed(source):
    """Waits, and queues, whose limit is a number in the middle of the source, or that have none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func).rpartition(".")[2]
        limits = node.args[:1] if function in WAITING else []
        limits += [keyword.value for keyword in node.keywords if keyword.arg == "timeout"]
        if any(isinstance(limit, ast.Constant) and limit.value not in (0, None) for limit in limits):
            yield ast.unparse(node)
        if function == "Queue" and not node.args + node.keywords:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_wait_and_no_queue_is_without_a_limit_that_has_a_name(path):
    if path.name != "memory.py":  # a network on paper
        assert list(unnamed(path.read_text())) == []


def test_a_limit_without_a_name_is_found():
    source = "sleep(5); run(x, timeout=1); asyncio.Queue(); sleep(0); sleep(PAUSE); Queue(MOST)"
    assert list(unnamed(source)) == ["sleep(5)", "run(x, timeout=1)", "asyncio.Queue()"]
