# SPDX-License-Identifier: BSD-2-Clause
"""What the documentation says is so: commands in it can be run, links lead somewhere, nothing is missing."""

import re
import shlex
from pathlib import Path

import pytest

from compat.facts import FACTS
from ganeti.bootstrap.new_cluster import NewCluster
from ganeti.cli.commands import COMMANDS, find
from ganeti.cli.options import build, parse, take_arguments
from ganeti.cli.runnable import Local, help_of, options_of, parameters_from
from ganeti.declare.decode import decode
from ganeti.declare.field import FieldKind
from ganeti.declare.parameter import parameters_of
from ganeti.declare.problems import Problems
from ganeti.declare.setting import given_settings
from ganeti.host.paths import Paths
from ganeti.model.cluster import Cluster
from ganeti.model.parameters import overrides
from ganeti.model.parameters.backend import BackendParameters, spelled_out
from ganeti.model.parameters.hypervisor import HYPERVISOR_PARAMETERS
from ganeti.model.template import TEMPLATES
from ganeti.operations import OPERATIONS, all_operations
from ganeti.operations.cluster.changes import changed
from ganeti.operations.cluster.modify import ClusterModify
from ganeti.operations.cluster.spelling import layered_parameters
from ganeti.query import language
from ganeti.query.instance import INSTANCES
from ganeti.query.job import JOBS
from ganeti.query.network import NETWORKS
from ganeti.query.node import NODES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
COLUMNS = {"gnt-instance": INSTANCES, "gnt-network": NETWORKS, "gnt-node": NODES, "gnt-job": JOBS}
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)]*)?\)")


def name_of(page):
    return str(page.relative_to(DOCS))


def blocks(page):
    """Lines of code, those that go on joined."""
    text = re.sub(r"\\\n\s*", "", page.read_text())
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


def examples():
    for page in WRITTEN:
        for line in blocks(page):
            if re.match(r"gnt-[a-z]+ [a-z]", line):
                yield pytest.param(line, id=f"{page.stem}: {line}")


@pytest.mark.parametrize("line", list(examples()))
def test_an_example_is_a_command_that_there_is(line):
    script, name, *words = shlex.split(line)
    runnable = find(script, name)
    assert runnable is not None
    command, options = runnable.command, options_of(runnable)
    parser = build(script, command.usage, help_of(runnable), options, runs=command.runs)
    read = parse(parser, options, words)
    read.problems.tell()
    rest, values = read.arguments, read.values
    if command.per_instance:
        values["instance_name"] = (rest or ["web1.example.com"])[0]
    else:
        values |= take_arguments(name, command.arguments, rest)
    check_lists(script, values)
    if script == "gnt-cluster" and name in ("init", "modify"):
        struct = NewCluster if name == "init" else ClusterModify
        tag = {} if name == "init" else {"OP_ID": ClusterModify.wire_name()}
        known = parameters_of(struct)
        given = {key: value for key, value in layered_parameters(values).items() if key in known}
        settings = given_settings(Cluster, decode(tag | given, struct, line))
        problems = Problems()
        changed(Cluster(uuid="", name="", master_node=""), settings, problems)
        problems.tell()
    elif not isinstance(runnable, Local):
        parameters = parameters_from(runnable, values)
        wire_name = runnable.operation.wire_name()
        decode({"OP_ID": wire_name, **parameters}, runnable.operation, wire_name)
        overrides(HYPERVISOR_PARAMETERS["kvm"], parameters.get("hvparams", {}), {}, line)
        overrides(BackendParameters, spelled_out(parameters.get("beparams", {})), {}, line)


def check_lists(script, values):
    """Columns and filters must make sense."""
    if script not in COLUMNS:
        return
    for column in filter(None, values.get("output", "").removeprefix("+").split(",")):
        assert COLUMNS[script].find(column).field.kind is not FieldKind.UNKNOWN, column
    if values.get("filter"):
        language.parse(" ".join(values.get("names") or values.get("job_ids")))


def test_there_are_examples_of_every_script():
    shown = {line.values[0].split()[0] for line in examples()}
    assert shown == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_to_a_page(page):
    targets = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "decisions"], ids=name_of)
def test_a_page_is_in_the_index(page):
    index = (DOCS / "README.md").read_text()
    assert page == DOCS / "README.md" or f"]({name_of(page)})" in index


def test_every_decision_is_in_its_index():
    index = (DOCS / "decisions/README.md").read_text()
    pages = [page.name for page in (DOCS / "decisions").glob("[0-9]*.md")]
    assert pages
    assert [page for page in pages if f"]({page})" not in index] == []


def test_decisions_are_numbered_without_gaps():
    numbers = sorted(int(page.name[:4]) for page in (DOCS / "decisions").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_word_is_explained_once():
    words = re.findall(r"^\*\*(.+?)\*\*", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    assert len(words) > 30


@pytest.mark.parametrize("wire_name", OPERATIONS)
def test_an_operation_has_a_page(wire_name):
    assert f"\n## {wire_name}\n" in (DOCS / "user/reference/operations.md").read_text()


HOOKED = [operation for operation in all_operations() if operation.hook]


@pytest.mark.parametrize("operation", HOOKED, ids=lambda operation: operation.wire_name())
def test_hooks_of_an_operation_are_in_their_page(operation):
    page = (DOCS / "user/hooks.md").read_text()
    assert f"`{operation.hook.path}`" in page
    variables = set(FACTS["hooks"][operation.wire_name()]["environment"])
    # Several that begin alike are told as `GANETI_INSTANCE_NAME`, `_PRIMARY`.
    assert {
        name for name in variables if not re.search(rf"`(GANETI)?(_{name}|_{name.partition('_')[2]})`", page)
    } == set()


@pytest.mark.parametrize("room", sorted(p.name for p in (DOCS.parent / "src/ganeti").iterdir() if p.is_dir()))
def test_a_room_is_in_the_architecture(room):
    if room != "__pycache__":
        assert f"`{room}/`" in (DOCS / "contributing/architecture.md").read_text()


def test_files_that_are_named_are_those_of_the_software():
    paths = Paths()
    named = "\n".join(page.read_text() for page in WRITTEN)
    for path in (paths.store, paths.term, paths.rapi_users, paths.master_socket, paths.ca_key, paths.hooks):
        assert str(path) in named or path.name in named
    for path in paths.os_search_path:
        assert str(path) in named


def test_what_holds_an_addition_is_there():
    page = (DOCS / "contributing/architecture.md").read_text()
    rows = re.findall(r"^\| ((?:an?|something) [^|]+) \| .+ \| ([^|]+) \|$", page, re.MULTILINE)
    named = [path for _, holders in rows for path in re.findall(r"`(tests/[^`]+)`", holders)]
    assert len(rows) > 15
    assert [row for row, holders in rows if "`tests/" not in holders and holders != "mypy"] == []
    assert [path for path in named if not (DOCS.parent / path).exists()] == []


def test_every_code_that_verify_gives_is_documented():
    checks = [path.read_text() for path in (DOCS.parent / "src/ganeti/operations/cluster/verify/checks").glob("*.py")]
    given = {code for text in checks for code in re.findall(r"Code\.([A-Z0-9]+)", text)}
    given |= {row.trouble for row in TEMPLATES.values() if row.trouble}
    told = set(re.findall(r"`(E[A-Z0-9]+)`", (DOCS / "user/cluster.md").read_text()))
    assert sorted(given - told) == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_no_table_is_split_by_an_empty_line(page):
    assert re.findall(r"^\|.*\n\n\|(?!.*\n\| ---)", page.read_text(), re.MULTILINE) == []
