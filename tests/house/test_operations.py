# SPDX-License-Identifier: BSD-2-Clause
"""Each operation is tested in a file of its own: where it succeeds, and where it is refused."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganeti.operations import OPERATIONS

TESTS = Path(__file__).parents[1] / "cluster"
ROOM = Path(__file__).parents[2] / "src/ganeti/operations"
# The wire name says something else than the place.
ODDLY_NAMED = {
    "OP_CLUSTER_VERIFY": "a job for each of its parts, in their folder",
    "OP_CLUSTER_VERIFY_CONFIG": "in that folder",
    "OP_CLUSTER_VERIFY_GROUP": "in that folder",
    "OP_EXT_STORAGE_DIAGNOSE": "of gnt-storage",
    "OP_TEST_DELAY": "of gnt-debug",
}


@dataclass(frozen=True)
class Use:
    """A test lets an operation run: so that it raises if it fails, or where the test expects that it does."""

    wire_name: str
    refused: bool


def file_of(wire_name: str) -> Path:
    *rooms, module = OPERATIONS[wire_name].partition(":")[0].split(".")
    return TESTS.joinpath(*rooms, f"test_{module}.py")


class Uses:
    """What the tests of one file let run, themselves or by functions of the file."""

    def __init__(self, source: str) -> None:
        body = ast.parse(source).body
        self._functions = {f.name: f for f in body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)}
        self._texts = {
            target.id: str(node.value.value)
            for node in body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def all(self) -> set[Use]:
        tests = [function for name, function in self._functions.items() if name.startswith("test_")]
        return {use for test in tests for use in self._of(test, refused=False)}

    def _of(self, node: ast.AST, *, refused: bool) -> Iterator[Use]:
        if isinstance(node, ast.With) and any(_expects_an_error(item.context_expr) for item in node.items):
            refused = True
        if isinstance(node, ast.Call):
            yield from self._of_call(node, refused=refused)
        for child in ast.iter_child_nodes(node):
            yield from self._of(child, refused=refused)

    def _of_call(self, call: ast.Call, *, refused: bool) -> Iterator[Use]:
        if isinstance(call.func, ast.Name) and call.func.id in self._functions:
            yield from self._of(self._functions[call.func.id], refused=refused)
        name = self._wire_name(call)
        if name is not None:
            yield Use(name, refused)

    def _wire_name(self, call: ast.Call) -> str | None:
        """Of the operation that a method of PaperCluster is told to run."""
        match call:
            case ast.Call(func=ast.Attribute(attr="run"), args=[name, *_]):
                return self._text(name)
            case ast.Call(func=ast.Attribute(attr="add"), args=[_]):
                return "OP_INSTANCE_CREATE"
            case ast.Call(
                func=ast.Attribute(attr="call"),
                args=[ast.Constant("Read"), ast.Dict([ast.Constant("OP_ID"), *_], [name, *_])],
            ):
                return self._text(name)
        return None

    def _text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._texts.get(node.id)
        return str(node.value) if isinstance(node, ast.Constant) else None


def _expects_an_error(context: ast.expr) -> bool:
    return isinstance(context, ast.Call) and isinstance(context.func, ast.Attribute) and context.func.attr == "raises"


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_an_operation_is_tested_where_it_succeeds_and_where_it_is_refused(wire_name):
    path = file_of(wire_name)
    assert path.exists()
    assert {Use(wire_name, refused=False), Use(wire_name, refused=True)} <= Uses(path.read_text()).all()


def test_naming_an_operation_or_only_expecting_it_to_fail_is_no_success():
    source = """
NAME = "OP_A"

async def test_refused(cluster):
    "OP_B"
    with pytest.raises(errors.WrongInput):
        await helper(cluster)

async def helper(cluster):
    await cluster.run(NAME)

async def never_called(cluster):
    await cluster.run("OP_C")
"""
    assert Uses(source).all() == {Use("OP_A", refused=True)}


def test_no_two_classes_of_operations_have_the_same_name():
    """They are named like their operation, or for what is theirs alone: a plan is a MigratePlan."""
    trees = [ast.parse(path.read_text()) for path in ROOM.rglob("*.py")]
    names = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    assert [name for name, times in Counter(names).items() if times > 1 and not name.startswith("_")] == []


@pytest.mark.parametrize("wire_name", [name for name in OPERATIONS if name not in ODDLY_NAMED])
def test_an_operation_is_named_like_its_file(wire_name):
    place, _, name = OPERATIONS[wire_name].partition(":")
    words = [word for part in place.split(".") for word in part.split("_")]
    assert name == "".join(word.capitalize() for word in words)
