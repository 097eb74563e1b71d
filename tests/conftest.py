# SPDX-License-Identifier: BSD-2-Clause
"""A test that is skipped proves nothing: each reason is counted, and one that nobody expects fails the run."""

import os
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# What a machine may lack that './run test' does not install; and procedures that stand with their reasons in one list.
_ALWAYS = (
    "fish is not installed",
    "Ganeti's htools are not in",
    "kernel has no VLANs on bridges",
    "not replayed here: ",
)
# './run test' says that these are left out without root.
_WITHOUT_ROOT = ("needs root", "takes root", "not installed", "not built", "/dev/net/tun", "This machine lacks")

# Folders whose tests share something that cannot be there twice or takes long to make: one process runs all of each.
_TOGETHER = {
    "tests/contract/storage": "one Gluster, whose port is fixed",
    "tests/real/lab": "the machine's list of labs",
    "tests/real/procedures": "one cluster",
}

_unexpected: list[tuple[str, str]] = []


def pytest_configure():
    """What pyproject.toml has come to ask for since the environment was made is told at once, not by many tests."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    here = {found.name.lower().replace("_", "-") for found in metadata.distributions()}
    lacking = [name for name in project["dependencies"] + project["optional-dependencies"]["dev"] if name not in here]
    if lacking:
        pytest.exit(f"This environment lacks {', '.join(lacking)}; './run test' installs it, as does pip install", 1)


class _Together(LoadScopeScheduling):
    def _split_scope(self, nodeid):
        return next((folder for folder in _TOGETHER if nodeid.startswith(f"{folder}/")), nodeid)


def pytest_xdist_make_scheduler(config, log):
    return _Together(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_runtest_logreport(report):
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        expected = _ALWAYS if os.geteuid() == 0 else _ALWAYS + _WITHOUT_ROOT
        if not any(words in reason for words in expected):
            _unexpected.append((report.nodeid, reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if _unexpected and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if _unexpected:
        terminalreporter.section("skipped, and nobody expected it", red=True)
        for test, reason in _unexpected:
            terminalreporter.line(f"{test}: {reason}")
