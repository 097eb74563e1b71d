# SPDX-License-Identifier: BSD-2-Clause
"""What is declared is read by something, refused as unsupported, or said to have no effect; and has bounds."""

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec.inspect as mi
import pytest
from msgspec import Meta

from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.listing import FILTER, HEADERS, SEPARATOR, UNITS, VERBOSE
from ganeti.cli.options import ALWAYS, COMMON, FORCE, build, option_of, parse, take_arguments
from ganeti.cli.runnable import Local, OperationCommand, help_of, options_of, own_options, parameters_from
from ganeti.declare.command import Command, Option
from ganeti.declare.operation import COMMON_PARAMETERS
from ganeti.declare.parameter import param, parameters_of
from ganeti.declare.setting import settings_of
from ganeti.declare.types import Name, Positive
from ganeti.errors import WrongInput
from ganeti.jobs.operation import JobOperation
from ganeti.model.cluster import Cluster
from ganeti.model.group import Group
from ganeti.model.network import Network
from ganeti.model.node import Node
from ganeti.model.parameters.backend import BackendParameters
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.parameters.network import NicParameters
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.parameters.policy import Policy
from ganeti.model.template import TEMPLATES
from ganeti.operations import OPERATIONS
from ganeti.operations import find as find_operation
from ganeti.operations.cluster.modify import ClusterModify

SOURCE = Path(__file__).resolve().parents[2] / "src/ganeti"
# Set the parameters of the cluster or a node, show them or hand them out; that is not what a setting is for.
ABOUT_SETTINGS = (
    "bootstrap/new_cluster.py",
    "config/ssconf.py",
    "operations/cluster/changes.py",
    "operations/cluster/info.py",
    "operations/cluster/modify.py",
    "operations/node/changes.py",
    "operations/node/modify.py",
    "operations/node/subject.py",
    "query/node.py",
)
# Kept for people and for tools that ask, who are shown them.
KEPT_FOR_OTHERS = {"powered", "disk_state"}


class Readings:
    """Which parameters of operations a piece of source reads: of ``self``, and of arguments annotated with the class.

    A parameter that is only given on to another operation is read where that one reads it.
    """

    def __init__(self, operations: Iterable[type], *sources: str) -> None:
        self._operations = {base.__name__: base for cls in operations for base in cls.__mro__}
        self._read: dict[str, set[str]] = defaultdict(set)
        self._given_on: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for tree in map(ast.parse, sources):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    self._look(node.name, "self", node)
                    self._read[node.name] |= _by_name(tree, node)
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    for argument in (*node.args.args, *node.args.kwonlyargs):
                        for name in self._annotated(argument):
                            self._look(name, argument.arg, node)

    def of(self, cls: type) -> set[str]:
        names = [base.__name__ for base in cls.__mro__]
        read = {field for name in names for field in self._read[name]}
        given_on = {pair for name in names for pair in self._given_on[name]}
        return read | {field for to, field in given_on if field in self.of(self._operations[to])}

    def _annotated(self, argument: ast.arg) -> list[str]:
        names = ast.walk(argument.annotation) if argument.annotation else ()
        return [name.id for name in names if isinstance(name, ast.Name) and name.id in self._operations]

    def _look(self, cls: str, owner: str, scope: ast.AST) -> None:
        """Note what ``scope`` does with fields of a variable, ``owner``, which is a ``cls``."""
        given_on = [pair for call in ast.walk(scope) for pair in self._gives_on(call)]
        self._given_on[cls] |= {(to, field.attr) for to, field in given_on}
        passed_over = {id(field) for _, field in given_on}
        for node in ast.walk(scope):
            match node:
                case ast.Attribute(value=ast.Name(id=name)) if name == owner and id(node) not in passed_over:
                    self._read[cls].add(node.attr)

    def _gives_on(self, node: ast.AST) -> list[tuple[str, ast.Attribute]]:
        """(Other operation, field that it is given under the same name)."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self._operations):
            return []
        values = [(keyword.arg, keyword.value) for keyword in node.keywords]
        return [(node.func.id, v) for name, v in values if isinstance(v, ast.Attribute) and v.attr == name]


def _by_name(tree: ast.Module, cls: ast.ClassDef) -> set[str]:
    """The names in the lists of a module whose class reads fields by names that it computes."""
    calls = [node for node in ast.walk(cls) if isinstance(node, ast.Call)]
    computed = [
        c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "getattr" and _text(c.args[1]) is None
    ]
    lists = [node for node in ast.walk(tree) if isinstance(node, ast.Tuple)] if computed else []
    return {text for found in lists for element in found.elts if (text := _text(element)) is not None}


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def neglected(operation: type[JobOperation[Any]], readings: Readings) -> list[str]:
    """The parameters that nothing reads, although nothing says that it is so; settings are tested by themselves."""
    known = COMMON_PARAMETERS | readings.of(operation) | {row.parameter for row in settings_of(operation)}
    return [n for n, p in operation.parameters().items() if n not in known and p.supported and not p.accepted]


@pytest.fixture(scope="module")
def readings() -> Readings:
    operations = map(find_operation, OPERATIONS)
    return Readings(operations, *(path.read_text() for path in sorted((SOURCE / "operations").rglob("*.py"))))


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_a_parameter_is_read_or_refused_or_said_to_have_no_effect(wire_name, readings):
    assert neglected(find_operation(wire_name), readings) == []


class Next(JobOperation[None], frozen=True, kw_only=True, tag="OP_NEXT"):
    """Another operation."""


class MadeUp(JobOperation[None], frozen=True, kw_only=True, tag="OP_MADE_UP"):
    """Declares parameters of every sort; its source is below."""

    read: Annotated[bool, param("Read")] = False
    read_elsewhere: Annotated[bool, param("Read by a function that is given the operation")] = False
    read_by_name: Annotated[bool, param("Read by a computed name")] = False
    read_by_next: Annotated[bool, param("Given on to another operation that reads it")] = False
    wait_for_sync: Annotated[bool, param("Not read")] = True
    ignore_ipolicy: Annotated[bool, param("Given on to another operation that does not read it")] = False
    compress: Annotated[str, param("Refused", unsupported=True)] = "none"
    interruptible: Annotated[bool, param("Without effect", accepted="it always is")] = False


MADE_UP = """
NAMES = ("read_by_name",)

class MadeUp:
    wait_for_sync: bool
    compress: str

    def check(self, other):
        return self.read, other.wait_for_sync, [getattr(self, name) for name in NAMES]

    def run(self):
        return Next(read_by_next=self.read_by_next, ignore_ipolicy=self.ignore_ipolicy)

class Next:
    def run(self):
        return self.read_by_next

def helper(operation: MadeUp):
    return operation.read_elsewhere
"""


def test_a_parameter_that_is_only_declared_or_given_on_is_not_read():
    assert neglected(MadeUp, Readings([MadeUp, Next], MADE_UP)) == ["wait_for_sync", "ignore_ipolicy"]


def settings() -> list[str]:
    """The fields of the cluster whose declaration does not say that nothing comes of them."""
    parameters = parameters_of(ClusterModify)
    rows = [row for row in settings_of(Cluster) if "modify" in row.when]
    return [r.name for r in rows if (p := parameters[r.parameter]).supported and not p.accepted]


def read_of(*names: str) -> set[str]:
    """The fields that are read of something that has one of these names, or by nodes in their ssconf files."""
    paths = [path for path in SOURCE.rglob("*.py") if not str(path.relative_to(SOURCE)).startswith(ABOUT_SETTINGS)]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    found = set()
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=attribute) if name in names:
                found.add(attribute)
            case ast.Call(func=ast.Attribute(attr="ssconf"), args=[ast.Constant(value=str(key))]):
                found.add(key)
    return found


def test_a_setting_of_the_cluster_is_read_by_something_besides_its_own_commands():
    of_templates = {row.setting for row in TEMPLATES.values()}  # which read them by that name
    assert sorted(set(settings()) - read_of("cluster") - of_templates) == []


@pytest.mark.parametrize(
    ("cls", "names"), [(Node, ("node", "configured")), (Group, ("group",)), (Network, ("network",))]
)
def test_a_setting_of_a_node_or_group_is_read_by_something_besides_its_own_commands(cls, names):
    fields = {row.name for row in settings_of(cls)} - KEPT_FOR_OTHERS
    own = ast.walk(ast.parse(Path(inspect.getfile(cls)).read_text()))
    by_itself = {node.attr for node in own if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"}
    assert sorted(fields - read_of(*names) - by_itself) == []


TABLES = {
    "backend": BackendParameters,
    "network card": NicParameters,
    "node": NodeParameters,
    "policy": Policy,
    **{f"hypervisor {name}": cls for name, cls in HYPERVISOR_PARAMETERS.items()},
    **{f"disk template {name}": cls for name, cls in DISK_PARAMETERS.items()},
}
# Show parameters, or read those of earlier versions; that is not what a parameter is for.
ABOUT_PARAMETERS = ("cli/", "config/format_1.py", "lab/", "query/")


@pytest.fixture(scope="module")
def named() -> set[str]:
    """The fields that are read, and the texts that name some, wherever parameters can have an effect."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        place = str(path.relative_to(SOURCE))
        declaring = place.startswith("model/parameters/")  # there, rules read them of other names
        for node in ast.walk(ast.parse(path.read_text())) if not place.startswith(ABOUT_PARAMETERS) else ():
            match node:
                case ast.Attribute(value=ast.Name(id="self")) if declaring:
                    found.add(node.attr)
                case ast.Attribute() if not declaring:
                    found.add(node.attr)
                case ast.Constant(value=str(text)) if not declaring:
                    found.add(text)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_a_parameter_of_guests_nodes_or_disks_is_read_or_refused(table, named):
    declared = {n: p for n, p in parameters_of(TABLES[table]).items() if p.supported and not p.accepted}
    assert [name for name in declared if not {name, name.replace("-", "_")} & named] == []


def sample(option: Option) -> list[str]:
    """Words that give an option."""
    value = {
        "int": "1",
        "float": "1",
        "bool": "yes",
        "size": "1g",
        "keyval": "a=1",
        "identkeyval": "0:a=1",
    }.get(option.kind, option.choices[0] if option.choices else "a")
    return [option.flags[-1]] if option.kind in ("flag", "no-flag", "count") else [option.flags[-1], value]


RUNNABLES = [find(script, name) for script, names in COMMANDS.items() for name in names]
LOCALS = [runnable for runnable in RUNNABLES if isinstance(runnable, Local)]
# Also those that a Local wraps, such as that of 'gnt-instance modify'.
OPERATION_COMMANDS = [
    OperationCommand(command, operation)
    for operation in map(find_operation, OPERATIONS)
    for command in operation.commands
]


def name_of(runnable):
    return f"{runnable.command.script} {runnable.command.name}"


def composed(runnable, words):
    command, options = runnable.command, options_of(runnable)
    given = parse(build("x", command.usage, help_of(runnable), options), options, words)
    rest, values = given.arguments, given.values
    if not command.per_instance:
        values |= take_arguments(command.name, command.arguments, rest)
    return parameters_from(runnable, values)


@pytest.mark.parametrize("runnable", OPERATION_COMMANDS, ids=name_of)
def test_an_option_of_a_command_is_a_parameter_of_its_operation(runnable):
    arguments = ["1" for argument in runnable.command.arguments if argument.count in ("1", "+")]
    for option in options_of(runnable):
        # What was made up may make no sense; it is understood all the same.
        with suppress(WrongInput):
            composed(runnable, [*sample(option), *arguments])


# What the functions read that commands have in common: those that ask, submit jobs, follow them or print lists.
SHARED = [*COMMON, *ALWAYS, FORCE, HEADERS, SEPARATOR, UNITS, VERBOSE, FILTER]
# What is read by the names of the parameters that it stands for.
DERIVED = [
    *(option for runnable in OPERATION_COMMANDS for option in own_options(runnable)),
    *(
        option_of(parameter)
        for struct in (NewCluster, *map(find_operation, OPERATIONS))
        for parameter in parameters_of(struct).values()
        if parameter.flags
    ),
]


def own(runnable):
    """The options of a Local that it has to read by itself; of some the help says that they do nothing."""
    options = [option for option in options_of(runnable) if option not in SHARED and option not in DERIVED]
    of_lists = ("output", "filter")
    return [o for o in options if o.dest not in of_lists and not o.help.startswith("Accepted for compatibility")]


class Undeclared(ast.NodeTransformer):
    """A module without its declarations of options."""

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "Option":
            return ast.Constant(None)
        return self.generic_visit(node)


@pytest.mark.parametrize("runnable", [local for local in LOCALS if own(local)], ids=name_of)
def test_an_option_of_a_command_that_is_no_operation_is_read(runnable):
    module = Undeclared().visit(ast.parse(Path(inspect.getfile(runnable.run)).read_text()))
    named = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}
    assert [option.dest for option in own(runnable) if option.dest not in named] == []


class Mistyped(JobOperation[None], frozen=True, kw_only=True, tag="OP_MISTYPED"):
    """The option's name is no parameter."""

    commands: ClassVar[tuple[Command, ...]] = (
        Command("gnt-debug", "mistyped", options=(Option(("--on",), "", name="onn"),)),
    )

    on: Annotated[str, param("A text")] = ""


def test_an_option_with_a_mistyped_name_is_an_error():
    with pytest.raises(TypeError, match="'gnt-debug mistyped' sets onn"):
        composed(OperationCommand(Mistyped.commands[0], Mistyped), ["--on", "a"])


def unbounded(kind: mi.Type, where: str) -> list[str]:
    """Where something of a type has no bound that says how large or how long it may be."""
    within = [found for name, part in parts(kind) for found in unbounded(part, where + name)]
    return within if is_bounded(kind) else [where, *within]


def is_bounded(kind: mi.Type) -> bool:
    match kind:
        case mi.IntType() | mi.FloatType():
            return kind.ge is not None and kind.le is not None
        case mi.StrType() | mi.ListType() | mi.VarTupleType() | mi.DictType():
            return kind.max_length is not None
    return True


def parts(kind: mi.Type) -> list[tuple[str, mi.Type]]:
    match kind:
        case mi.ListType() | mi.VarTupleType():
            return [("[]", kind.item_type)]
        case mi.DictType():
            return [(".keys", kind.key_type), (".values", kind.value_type)]
        case mi.TupleType():
            return [(f"[{index}]", item) for index, item in enumerate(kind.item_types)]
        case mi.UnionType():
            return [("", member) for member in kind.types]
        case mi.Metadata():
            return [("", kind.type)]
        case mi.StructType():
            return [(f".{field.name}", field.type) for field in kind.fields]
    return []


SETS = [*map(find_operation, OPERATIONS), *TABLES.values()]


@pytest.mark.parametrize("cls", SETS, ids=lambda cls: cls.__name__)
def test_whatever_comes_in_has_a_bound(cls):
    assert unbounded(mi.type_info(cls), cls.__name__) == []


def test_a_bound_is_missed_wherever_it_is_missing():
    found = unbounded(mi.type_info(dict[str, list[tuple[int, float | None]]]), "it")
    assert found == ["it", "it.keys", "it.values", "it.values[][0]", "it.values[][1]"]
    assert unbounded(mi.type_info(Annotated[list[Name | Positive], Meta(max_length=3)]), "it") == []


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_pattern_does_not_end_before_a_line_feed(path):
    """``$`` matches before a last line feed, so it is no end: a whole text is tried with fullmatch, or up to \\Z."""
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert [text for text in texts if isinstance(text, str) and text.startswith("^") and text.endswith("$")] == []


def test_a_parameter_takes_the_same_role_wherever_it_is_given():
    roles = defaultdict(set)
    for wire_name in OPERATIONS:
        for name, parameter in find_operation(wire_name).parameters().items():
            roles[name].add(parameter.role)
    assert len(roles) > 50
    assert {name: found for name, found in roles.items() if len(found) > 1} == {}
