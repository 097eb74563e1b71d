# SPDX-License-Identifier: BSD-2-Clause
"""The columns of providers of external storage, as ``gnt-storage diagnose`` and the remote API show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ganeti.declare.field import OTHER, TEXT
from ganeti.model.group import Group
from ganeti.model.state import State
from ganeti.query.column import Column, Columns, column


class StorageProvider(Protocol):
    """A provider as one node has it."""

    @property
    def problem(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def parameters(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class ExtStorageRow:
    """``on_nodes``: by the name of each node that answers, the providers found there, the first of which counts."""

    name: str
    state: State
    on_nodes: Mapping[str, tuple[StorageProvider, ...]]

    @property
    def groups(self) -> dict[str, bool]:
        """By group name, whether all nodes of the group that answer can use it; no groups where none answers."""
        found: dict[str, bool] = {}
        for node in self.state.nodes:
            if node.name in self.on_nodes:
                group = self.state.get(Group, node.group).name
                finds = self.on_nodes[node.name]
                found[group] = found.get(group, True) and bool(finds) and not finds[0].problem
        return found

    @property
    def parameters(self) -> list[list[str]]:
        """Parameters known on every node that has the provider, with their descriptions."""
        tables = [finds[0].parameters for finds in self.on_nodes.values() if finds]
        first, *others = tables or [{}]
        return [[name, told] for name, told in sorted(first.items()) if all(name in table for table in others)]


def _node_status(row: ExtStorageRow) -> dict[str, list[list[Any]]]:
    return {
        node: [[one.path, not one.problem, one.problem, list(map(list, one.parameters.items()))] for one in finds]
        for node, finds in row.on_nodes.items()
    }


_COLUMNS: list[Column[ExtStorageRow]] = [
    column("name", "Name", TEXT, "Name of the provider", lambda row: row.name),
    column("node_status", "NodeStatus", OTHER, "Status on each node", _node_status),
    column("nodegroup_status", "NodegroupStatus", OTHER, "Whether each group can use it", lambda row: row.groups),
    column("parameters", "Parameters", OTHER, "Parameters that all nodes have", lambda row: row.parameters),
]

STORAGE_PROVIDERS: Columns[ExtStorageRow] = Columns(_COLUMNS)
