# SPDX-License-Identifier: BSD-2-Clause
"""On how many clusters our htools agree with Ganeti's own, or are better: the tests in tests/contract/placement."""

from __future__ import annotations

from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest

from benchmarks.report import Report
from ganeti.errors import ExecutionFailed

_TESTS = Path(__file__).resolve().parents[1] / "tests/contract/placement"


@dataclass(slots=True)
class _Count:
    """A plugin of pytest: by the test's name, how many clusters it was tried on and on how many it failed."""

    tried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.location[2].partition("[")[0].removeprefix("test_")
        if report.when == "call" and not report.skipped:
            self.tried[name] += 1
        if report.failed:
            self.failed[name] += 1


def run(report: Report) -> None:
    """The figure is how many clusters differ."""
    count = _Count()
    with redirect_stdout(StringIO()) as said:
        status = pytest.main(["-p", "no:xdist", str(_TESTS)], plugins=[count])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise ExecutionFailed(f"the tests of {_TESTS} could not be run: {said.getvalue()[-200:]}")
    for name, tried in count.tried.items():
        report.add(f"agreement.{name}", count.failed[name], f"of {tried} differ")
