# SPDX-License-Identifier: BSD-2-Clause
"""Every setting of a node or a group: one row, from which all places that know of it follow."""

from typing import Any

import pytest

from ganeti.api.resources import GROUP_FIELDS, NODE_FIELDS
from ganeti.cli.commands import find as find_command
from ganeti.cli.node import FIELDS, described
from ganeti.cli.runnable import options_of
from ganeti.cli.tree import render
from ganeti.declare.parameter import parameters_of
from ganeti.declare.setting import settings_of
from ganeti.model.group import Group
from ganeti.model.node import Node
from ganeti.operations.node.add import NodeAdd
from ganeti.operations.node.modify import NodeModify
from ganeti.query.group import GROUPS
from ganeti.query.node import NODES
from tests.cluster.paper import running

ROWS = {row.name: row for row in settings_of(Node)}
DECLARED = parameters_of(Node)
SAMPLES: dict[str, Any] = {
    "secondary_ip": "192.0.2.7",
    "ndparams": {"spindle_count": 2},
    "hv_state": {"kvm": {"cpu_node": 1}},
    "disk_state": {"plain": {"xenvg": {"disk_reserved": 1}}},
}


def sample(name):
    """A value that the setting doesn't have by default."""
    return SAMPLES[name] if name in SAMPLES else not DECLARED[name].default


async def shown(cluster, name):
    """A node as ``gnt-node info`` prints it."""
    (row,) = [row for row in await cluster.list("node", *FIELDS) if row[0] == name]
    return render(described(dict(zip(FIELDS, row, strict=True))))


@pytest.mark.parametrize("name", [name for name in ROWS if "modify" in ROWS[name].when])
async def test_it_is_set_by_modify_and_shown_by_lists_and_info(tmp_path, name):
    row = ROWS[name]
    async with running(tmp_path, nodes=3, candidates=1) as cluster:
        asked = "name", *row.columns
        before, lines = (await cluster.list("node", *asked))[2], await shown(cluster, "node3")
        await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", **{row.parameter: sample(name)})
        assert getattr(cluster.state.find(Node, "node3"), name) != getattr(cluster.state.find(Node, "node2"), name)
        after = (await cluster.list("node", *asked))[2]
        assert [column for column, old, new in zip(asked, before, after, strict=True) if old == new] == ["name"]
        changed = [new for old, new in zip(lines, await shown(cluster, "node3"), strict=True) if old != new]
        assert not row.title or [line for line in changed if line.startswith(f"{row.title}: ")]


@pytest.mark.parametrize("name", [name for name in ROWS if "add" in ROWS[name].when])
async def test_it_is_given_in_the_same_way_when_a_node_is_added(cluster, name):
    cluster.new_machine(4)
    given = {ROWS[name].parameter: sample(name)}
    await cluster.run("OP_NODE_ADD", node_name="node4", primary_ip="10.0.0.4", **given)
    added = cluster.state.find(Node, "node4")
    await cluster.run("OP_NODE_REMOVE", node_name="node4")  # two nodes never have the same address
    await cluster.run("OP_NODE_SET_PARAMS", node_name="node3", **{**given, "force": True})
    modified = cluster.state.find(Node, "node3")
    assert getattr(added, name) == getattr(modified, name) != DECLARED[name].default


@pytest.mark.parametrize("name", ROWS)
def test_its_flags_are_those_of_the_commands_that_take_it(name):
    for command, when in (("add", "add"), ("invite", "add"), ("modify", "modify")):
        flags = {flag for option in options_of(find_command("gnt-node", command)) for flag in option.flags}
        assert set(DECLARED[name].flags) <= flags or when not in ROWS[name].when


def test_a_value_is_checked_alike_wherever_it_comes_in():
    for name, row in ROWS.items():
        taken = [operation.parameters().get(row.parameter) for operation in (NodeModify, NodeAdd)]
        assert len({parameter.type for parameter in taken if parameter}) == 1, name


@pytest.mark.parametrize(("cls", "columns", "fields"), [(Node, NODES, NODE_FIELDS), (Group, GROUPS, GROUP_FIELDS)])
def test_lists_and_the_remote_api_show_every_setting(cls, columns, fields):
    for row in settings_of(cls):
        assert row.columns
        assert set(row.columns) <= set(columns.by_name)
        assert set(row.columns) <= set(fields)
