# SPDX-License-Identifier: BSD-2-Clause
"""The columns of ``gnt-group list``. Names, titles and kinds are Ganeti's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ganeti.declare.field import NUMBER, OTHER
from ganeti.model.group import Group
from ganeti.model.instance import Instance
from ganeti.model.kind import Kind
from ganeti.model.node import Node
from ganeti.model.parameters import as_mapping, filled
from ganeti.model.parameters.disk import DISK_PARAMETERS
from ganeti.model.parameters.node import NodeParameters
from ganeti.query.column import Column, Columns, column
from ganeti.query.entity import common_columns, setting_columns
from ganeti.query.node import parameter_columns
from ganeti.query.view import View


@dataclass(frozen=True)
class GroupRow:
    """A node group in a view of the cluster."""

    group: Group
    view: View

    @cached_property
    def nodes(self) -> list[Node]:
        return [node for node in self.view.state.nodes if node.group == self.group.uuid]

    @cached_property
    def instances(self) -> list[Instance]:
        state = self.view.state
        return [i for node in self.nodes for i in state.instances_on(node.uuid) if i.primary_node == node.uuid]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        return as_mapping(filled(NodeParameters, self.view.state.cluster.ndparams, self.group.ndparams))

    @property
    def diskparams(self) -> dict[str, Any]:
        cluster = self.view.state.cluster.diskparams
        return {
            template: as_mapping(filled(cls, cluster.get(template, {}), self.group.diskparams.get(template, {})))
            for template, cls in DISK_PARAMETERS.items()
        }


def rows(view: View, groups: Sequence[Group]) -> list[GroupRow]:
    return [GroupRow(group, view) for group in groups]


_COLUMNS: list[Column[GroupRow]] = [
    *common_columns(Kind.GROUP, lambda row: row.group),
    *setting_columns(
        Group,
        lambda row: row.group,
        {
            "ndparams": lambda row: row.parameters,
            "diskparams": lambda row: row.diskparams,
            "ipolicy": lambda row: msgspec.to_builtins(row.view.state.policy_of(row.group)),
        },
    ),
    column("node_cnt", "Nodes", NUMBER, "Number of nodes", lambda row: len(row.nodes)),
    column("node_list", "NodeList", OTHER, "Nodes", lambda row: [node.name for node in row.nodes], names=Kind.NODE),
    column("pinst_cnt", "Instances", NUMBER, "Number of instances", lambda row: len(row.instances)),
    column(
        "pinst_list",
        "InstanceList",
        OTHER,
        "Instances",
        lambda row: sorted(i.name for i in row.instances),
        names=Kind.INSTANCE,
    ),
]

GROUPS: Columns[GroupRow] = Columns([*_COLUMNS, *parameter_columns(lambda row: row.parameters)])
DEFAULT = ("name", "node_cnt", "pinst_cnt", "alloc_policy", "ndparams")
