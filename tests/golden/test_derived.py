# SPDX-License-Identifier: BSD-2-Clause
"""What is derived from declarations is kept in files, so that a change of it is seen.

``GOLDEN=write`` writes the files anew.
"""

import json
import os
from pathlib import Path

import pytest

from ganeti.api.openapi import describe
from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.completion.answer import TABLE
from ganeti.cli.completion.table import derive
from ganeti.cli.options import build
from ganeti.cli.reference import pages
from ganeti.cli.runnable import help_of, options_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def compare(path, text):
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text, f"{path} differs; if that is meant: GOLDEN=write ./run test tests/golden"


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_the_reference_page_is_the_one_that_is_derived(name, text):
    compare(ROOT / f"docs/user/reference/{name}.md", text)


@pytest.mark.parametrize(("script", "name"), [(s, n) for s, names in COMMANDS.items() for n in names])
def test_the_help_of_a_command(script, name):
    runnable = find(script, name)
    parser = build(f"{script} {name}", runnable.command.usage, help_of(runnable), options_of(runnable))
    text = parser.format_help()
    assert max(map(len, text.splitlines())) <= 80
    compare(HERE / f"help/{script}-{name}.txt", text)


def test_the_table_of_what_shells_complete():
    compare(TABLE, derive())


def test_the_description_of_the_remote_api():
    compare(HERE / "openapi.json", json.dumps(describe(), indent=1, sort_keys=True) + "\n")
