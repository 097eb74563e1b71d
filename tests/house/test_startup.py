# SPDX-License-Identifier: BSD-2-Clause
"""A command starts fast and a daemon is small: neither imports what costs much before it needs it."""

import json
import subprocess
import sys

import pytest

from ganeti.cli.commands import COMMANDS

# Milliseconds that each costs cold, as ``python -X importtime`` shows them, are in the tens.
HEAVY = ("aiohttp", "asyncio", "cryptography", "numpy", "rich", "sqlite3", "ssl")
# In one process, since modules stay: the first command that brings one is the one that is told.
LOOK = f"""
import json, sys
from ganeti.cli import follow, main
from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.runnable import options_of
from ganeti.cli.session import Session

HEAVY = {HEAVY!r}
brought = {{"the scripts themselves": [name for name in HEAVY if name in sys.modules]}}
for script, names in COMMANDS.items():
    for name in names:
        before = set(sys.modules)
        options_of(find(script, name))
        brought[f"{{script}} {{name}}"] = [heavy for heavy in HEAVY if heavy in sys.modules and heavy not in before]
print(json.dumps(brought))
"""


def test_no_command_imports_what_is_slow_to_import_before_it_runs():
    looked = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    brought = json.loads(looked.stdout)
    assert len(brought) == 1 + sum(len(names) for names in COMMANDS.values())
    assert {command: modules for command, modules in brought.items() if modules} == {}


# What a command may import that takes more than its own words: packages, and rooms of the house.
PACKAGES = {"immutables", "msgspec", "typing_extensions"}
ROOMS = {"cli", "declare", "errors", "host", "jobs", "luxi", "model", "operations", "query", "rpc"}
OF_PYTHON = {"sitecustomize", "usercustomize", "org", *sys.builtin_module_names}  # and what comes from .pth files
COMMAND = """
from ganeti.cli import main
from ganeti.cli.script import run
run("gnt-instance", ["startup", "--help"])
"""


def test_a_command_imports_no_package_and_no_room_but_those_that_it_may():
    looked = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", COMMAND], capture_output=True, text=True, check=True
    )
    assert "Usage: gnt-instance startup" in looked.stdout or "usage: gnt-instance startup" in looked.stdout
    lines = [line for line in looked.stderr.splitlines() if line.startswith("import time:") and "[us]" not in line]
    names = {line.rpartition("|")[2].strip() for line in lines}
    packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OF_PYTHON
    assert {name for name in packages if not name.startswith("_")} - {"ganeti"} <= PACKAGES
    assert {name.split(".")[1] for name in names if name.startswith("ganeti.")} <= ROOMS
    assert {heavy for heavy in HEAVY if heavy in names} == set()


LISTS = [("gnt-instance", "instance"), ("gnt-group", "group"), ("gnt-job", "job")]


@pytest.mark.parametrize(("script", "kind"), LISTS)
def test_a_list_has_no_use_for_what_operations_do(script, kind):
    look = f"from ganeti.cli.commands import COMMANDS, find\nfind({script!r}, 'list')\nimport sys\nprint(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert f"ganeti.query.{kind}" in names
    assert [name for name in names if name.startswith(("ganeti.rpc", "ganeti.jobs.context"))] == []


# All that each imports before it is ready, and what of it takes megabytes for nothing.
DAEMONS = {
    "rapi": (
        "import ganeti.daemons.rapi\nfrom ganeti.operations import all_operations\nall_operations()",
        ("cryptography", "numpy", "pyroute2", "re2", "sqlite3"),
    ),
    "masterd": (
        "import ganeti.daemons.masterd.main\nfrom ganeti.operations import all_operations\nall_operations()",
        ("numpy", "pyroute2", "re2"),
    ),
    "confd": (
        "import ganeti.daemons.confd.main",
        ("aiohttp", "cryptography", "ganeti.api", "ganeti.cli", "ganeti.node", "ganeti.operations", "numpy", "re2"),
    ),
    "metad": (
        "import ganeti.daemons.metad.main",
        (
            "cryptography",
            "ganeti.api",
            "ganeti.cli",
            "ganeti.node",
            "ganeti.operations",
            "numpy",
            "pyroute2",
            "qemu",
            "re2",
            "sqlite3",
        ),
    ),
    "mond": (
        "import ganeti.daemons.mond.main",
        (
            "cryptography",
            "ganeti.api",
            "ganeti.cli",
            "ganeti.operations",
            "numpy",
            "pyroute2",
            "qemu",
            "sqlite3",
        ),
    ),
    "noded": ("import ganeti.daemons.noded", ("numpy", "re2")),
}


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_daemon_imports_nothing_big_that_it_has_no_use_for(daemon):
    begin, big = DAEMONS[daemon]
    look = f"{begin}\nimport sys\nprint([name for name in {big!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "[]\n"
