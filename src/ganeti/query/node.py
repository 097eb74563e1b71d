# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-node list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ganeti.declare.field import BOOL, NUMBER, OTHER, TEXT, UNIT
from ganeti.declare.parameter import parameters_of
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping
from ganeti.model.parameters.node import NodeParameters
from ganeti.model.report import NodeReport
from ganeti.query.column import NO_DATA, OFFLINE, UNAVAILABLE, Column, Columns, column, kind_of_parameter
from ganeti.query.entity import common_columns, setting_columns
from ganeti.query.view import View


@dataclass(frozen=True)
class NodeRow:
    """A node in a view of the cluster."""

    node: Node
    view: View

    @cached_property
    def group(self) -> Group:
        return self.view.state.get(Group, self.node.group)

    @cached_property
    def instances(self) -> list[Instance]:
        return self.view.state.instances_on(self.node.uuid)

    @cached_property
    def primaries(self) -> list[str]:
        return sorted(i.name for i in self.instances if i.primary_node == self.node.uuid)

    @cached_property
    def secondaries(self) -> list[str]:
        return sorted(i.name for i in self.instances if i.primary_node != self.node.uuid)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        return as_mapping(self.view.state.node_parameters(self.node))

    @property
    def report(self) -> NodeReport:
        """The node's report; raises Absent if there is none."""
        if self.node.offline:
            raise OFFLINE
        if not self.node.vm_capable:
            raise UNAVAILABLE
        if self.node.uuid not in self.view.reports:
            raise NO_DATA
        return self.view.reports[self.node.uuid]


def rows(view: View, nodes: Sequence[Node]) -> list[NodeRow]:
    return [NodeRow(node, view) for node in nodes]


def _space(row: NodeRow, which: str) -> int:
    if not row.report.storage:
        raise UNAVAILABLE
    space = row.report.storage[0]
    value: int = getattr(space.exclusive if row.parameters["exclusive_storage"] else space, which)
    return value


def _spindles(row: NodeRow, which: str) -> int:
    for space in row.report.storage:
        if space.spindles:
            value: int = getattr(space.spindles, which)
            return value
    raise UNAVAILABLE


def _of_node(name: str) -> Callable[[NodeRow], Any]:
    return lambda row: getattr(row.node, name)


_COLUMNS: list[Column[NodeRow]] = [
    *common_columns(Kind.NODE, lambda row: row.node),
    column("pip", "PrimaryIP", TEXT, "Primary IP address", _of_node("primary_ip")),
    column(
        "sip",
        "SecondaryIP",
        TEXT,
        "Secondary IP address, for replication and migration traffic",
        _of_node("migration_ip"),
    ),
    column(
        "role",
        "Role",
        TEXT,
        "Role: M master, C master candidate, R regular, D drained, O offline",
        lambda row: str(row.view.state.role(row.node)),
    ),
    column(
        "master",
        "IsMaster",
        BOOL,
        "Whether it is the master",
        lambda row: row.node.uuid == row.view.state.cluster.master_node,
    ),
    *setting_columns(Node, lambda row: row.node, {"ndparams": lambda row: row.parameters}),
    column("group", "Group", TEXT, "Node group", lambda row: row.group.name),
    column("group.uuid", "GroupUUID", TEXT, "UUID of the node group", _of_node("group")),
    column("pinst_cnt", "Pinst", NUMBER, "Number of primary instances", lambda row: len(row.primaries)),
    column(
        "sinst_cnt",
        "Sinst",
        NUMBER,
        "Number of secondary instances",
        lambda row: len(row.secondaries),
    ),
    column("pinst_list", "PriInstances", OTHER, "Primary instances", lambda row: row.primaries, names=Kind.INSTANCE),
    column(
        "sinst_list", "SecInstances", OTHER, "Secondary instances", lambda row: row.secondaries, names=Kind.INSTANCE
    ),
    column("mtotal", "MTotal", UNIT, "Memory", lambda row: row.report.memory.total, live=True),
    column(
        "mnode",
        "MNode",
        UNIT,
        "Memory used by the node itself",
        lambda row: row.report.memory.node,
        live=True,
    ),
    column(
        "mfree",
        "MFree",
        UNIT,
        "Memory available for instances",
        lambda row: row.report.memory.free,
        live=True,
    ),
    column("dtotal", "DTotal", UNIT, "Total disk space for instances", lambda row: _space(row, "total"), live=True),
    column("dfree", "DFree", UNIT, "Free disk space for instances", lambda row: _space(row, "free"), live=True),
    column(
        "sptotal",
        "SpTotal",
        NUMBER,
        "Spindles: physical volumes of the volume group",
        lambda row: _spindles(row, "total"),
        live=True,
    ),
    column(
        "spfree",
        "SpFree",
        NUMBER,
        "Spindles that nothing is on",
        lambda row: _spindles(row, "free"),
        live=True,
    ),
    column("ctotal", "CTotal", NUMBER, "Processors", lambda row: row.report.processors.total, live=True),
    column("cnodes", "CNodes", NUMBER, "NUMA domains", lambda row: row.report.processors.nodes, live=True),
    column(
        "csockets",
        "CSockets",
        NUMBER,
        "CPU sockets",
        lambda row: row.report.processors.sockets,
        live=True,
    ),
    column(
        "cnos",
        "CNOs",
        NUMBER,
        "CPUs reserved for the node itself",
        lambda row: row.report.processors.of_node,
        live=True,
    ),
    column("bootid", "BootID", TEXT, "Boot ID; changes with each boot", lambda row: row.report.boot_id, live=True),
]
_ND_TITLES = {
    "exclusive_storage": "ExclusiveStorage",
    "oob_program": "OutOfBandProgram",
    "ovs": "OpenvSwitch",
    "ovs_link": "OpenvSwitchLink",
    "ovs_name": "OpenvSwitchName",
    "spindle_count": "SpindleCount",
}


def parameter_columns(value: Callable[[Any], dict[str, Any]]) -> list[Column[Any]]:
    """``ndp/...``: the node parameters of a node or a group."""
    return [
        column(
            f"ndp/{name}",
            _ND_TITLES.get(name, f"ndp/{name}"),
            kind_of_parameter(parameter),
            parameter.help,
            lambda row, name=name: value(row)[name],  # type: ignore[misc]  # bound for this name
        )
        for name, parameter in parameters_of(NodeParameters).items()
    ]


NODES: Columns[NodeRow] = Columns([*_COLUMNS, *parameter_columns(lambda row: row.parameters)])
DEFAULT = ("name", "dtotal", "dfree", "mtotal", "mnode", "mfree", "pinst_cnt", "sinst_cnt")
