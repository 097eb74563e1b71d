# SPDX-License-Identifier: BSD-2-Clause
"""The rules that are the house itself."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from msgspec import Struct

from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.runnable import help_of, options_of
from ganeti.declare.parameter import parameters_of
from ganeti.operations import OPERATIONS
from ganeti.operations import find as find_operation
from ganeti.rpc.call import Call

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/ganeti"
FILES = sorted(SOURCE.rglob("*.py"))
PURE = ("model", "query", "placement", "declare")
# What reaches for the world: files, processes, networks, time, chance.
WORLDLY = {"os", "time", "random", "secrets", "socket", "subprocess", "asyncio", "pathlib", "shutil", "tempfile", "ssl"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_a_room_imports_only_rooms_above_it():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_reaches_for_nothing(room):
    worldly = {
        str(path.relative_to(ROOT)): found
        for path in (SOURCE / room).rglob("*.py")
        if (found := set(imports(path)) & WORLDLY)
    }
    assert worldly == {}


def test_every_file_begins_with_its_licence():
    files = [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), ROOT / "run"]
    wrong = [
        str(path)
        for path in files
        if "# SPDX-License-Identifier: BSD-2-Clause" not in path.read_text().splitlines()[:2]
    ]
    assert wrong == []


def test_every_module_has_a_noun_for_a_name():
    assert [path.name for path in FILES if path.stem in ("utils", "util", "common", "helpers", "misc")] == []


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_an_operation_is_found_under_its_own_name_and_described(wire_name):
    operation = find_operation(wire_name)
    assert operation.wire_name() == wire_name
    assert operation.__doc__
    undescribed = [field for field in operation.__struct_fields__ if field not in operation.parameters()]
    assert undescribed == []


@pytest.mark.parametrize("module", [p.stem for p in (SOURCE / "model/parameters").glob("[a-z]*.py")])
def test_a_parameter_of_guests_and_nodes_is_described(module):
    found = vars(import_module(f"ganeti.model.parameters.{module}")).values()
    structs = [cls for cls in found if isinstance(cls, type) and issubclass(cls, Struct) and cls is not Struct]
    assert structs
    undescribed = {cls.__name__: set(cls.__struct_encode_fields__) - set(parameters_of(cls)) for cls in structs}
    assert {name: fields for name, fields in undescribed.items() if fields} == {}


@pytest.mark.parametrize(("script", "name"), [(s, n) for s, names in COMMANDS.items() for n in names])
def test_a_command_is_what_its_table_says_and_described(script, name):
    runnable = find(script, name)
    command = runnable.command
    assert (command.script, command.name) == (script, name)
    assert help_of(runnable)
    flags = [flag for option in options_of(runnable) for flag in option.flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("script", COMMANDS)
def test_a_script_has_a_page(script):
    page = (ROOT / f"docs/user/reference/{script}.md").read_text()
    for name in COMMANDS[script]:
        assert f"## {script} {name}" in page


def test_every_operation_with_a_command_is_in_the_table():
    of_operations = {(c.script, c.name) for o in map(find_operation, OPERATIONS) for c in o.commands}
    listed = {(script, name) for script, names in COMMANDS.items() for name in names}
    assert of_operations <= listed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_what_users_are_told_to_run_is_there(path):
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    told = [found for text in texts if isinstance(text, str) for found in re.findall(r"'(gnt-[a-z]+) ([a-z-]+)", text)]
    assert [f"{script} {name}" for script, name in told if name not in COMMANDS.get(script, {})] == []


def test_calls_have_names_of_their_own():
    def subclasses(cls):
        return [cls, *(found for child in cls.__subclasses__() for found in subclasses(child))]

    names = [cls.wire_name() for cls in subclasses(Call)[1:]]
    assert len(names) == len(set(names))
